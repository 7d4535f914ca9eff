/**
 * Sockets that were opened before the daemon started, by systemd or whoever starts it: who connects while the daemon is down waits for it instead of
 * being refused.
 */
import { WeftError } from '../../dataplane/errors.ts';
import type { PassedDescriptors } from './passed-descriptors.ts';

/** Names that our units give (FileDescriptorName=). */
const SOCKET_NAMES = ['api', 'docker'] as const;
type SocketName = (typeof SOCKET_NAMES)[number];

export type PassedSockets = ReadonlyMap<SocketName, number>;

/** What systemd calls a socket whose unit does not say: after the unit. What we put into its store is never called so. */
const UNIT_NAME = /\.socket$/;

/**
 * Takes those that the daemon listens on, by their names; all others are left for whoever they are meant for. Throws `invalid_argument` for a socket that
 * nobody would answer.
 */
export function takePassedSockets(passed: PassedDescriptors): PassedSockets {
  const nameless = passed.names.find(name => UNIT_NAME.test(name));
  if (nameless !== undefined) throw noUse(nameless);
  return new Map(
    SOCKET_NAMES.flatMap(name => {
      const [fd, another] = passed.take(name);
      if (another !== undefined) throw noUse(name);
      return fd === undefined ? [] : [[name, fd] as const];
    }),
  );
}

function noUse(name: string): WeftError {
  return new WeftError('invalid_argument', `weft was given a socket "${name}" that it has no use for`, {
    hint: `set FileDescriptorName= of its unit to ${SOCKET_NAMES.join(' or ')}, each once`,
  });
}
