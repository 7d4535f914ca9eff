import { WeftError } from '../../dataplane/errors.ts';

/** The error for a name that no network has. */
export function noNetwork(name: string, known: readonly string[]): WeftError {
  return new WeftError('not_found', `there is no network "${name}" on this node`, {
    hint:
      known.length === 0
        ? 'make it with weft network create, or add it to the configuration'
        : `known ones: ${known.join(', ')}`,
  });
}
