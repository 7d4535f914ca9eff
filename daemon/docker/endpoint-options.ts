/** What the user says of one endpoint, as in `docker network connect --driver-opt weft.name=web`. All functions here are pure. */
import * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { containerNames } from '../api/requests.ts';
import { wordLeaf } from '../leaf.ts';

/** They come flat among what dockerd says itself (libnetwork's EndpointOptionGeneric). */
const PREFIX = 'weft.';

export interface EndpointOptions {
  /** Under which it is found in DNS, each once. */
  readonly names: readonly string[];
  /** False: no names are answered inside its namespace. */
  readonly resolver: boolean;
}

/** Several names stand between blanks; where the client of Docker lets them through, commas do as well. */
const names = z
  .string()
  .default('')
  .transform((text): unknown[] => text.split(/[\s,]+/).filter(name => name !== ''))
  .pipe(containerNames);

const schema = z.strictObject({ name: names, resolver: wordLeaf(['true', 'false']).default('true') });

/** Throws `invalid_argument`. */
export function endpointOptions(options: Readonly<Record<string, unknown>>): EndpointOptions {
  const own = Object.entries(options).filter(([key]) => key.startsWith(PREFIX));
  const result = schema.safeParse(
    Object.fromEntries(own.map(([key, value]) => [key.slice(PREFIX.length), value])),
  );
  if (result.success)
    return { names: [...new Set(result.data.name)], resolver: result.data.resolver === 'true' };
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    throw new WeftError('invalid_argument', `weft has no option ${PREFIX}${issue.keys.join(`, ${PREFIX}`)}`, {
      hint: `use ${Object.keys(schema.shape)
        .map(key => PREFIX + key)
        .join(' or ')}`,
    });
  }
  throw new WeftError(
    'invalid_argument',
    `${PREFIX}${issue?.path[0]?.toString() ?? ''}: ${issue?.message ?? ''}`,
  );
}
