/** One line for whatever is wrong with a request. */
import type * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { describe } from '../leaf.ts';

/** The body or query as the schema takes it. `what` completes "cannot …". Throws `invalid_argument`. */
export function checkRequest<T>(what: string, schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    throw new WeftError(
      'invalid_argument',
      `cannot ${what}: ${issue.keys.map(describe).join(', ')}: unknown key`,
      {
        hint: 'see docs/cli.md for the keys of a request',
      },
    );
  }
  const key = issue?.path[0] === undefined ? 'body' : String(issue.path[0]);
  const [reason = 'not legal', ...hint] = (issue?.message ?? '').split('; ');
  throw new WeftError('invalid_argument', `cannot ${what}: ${SPOKEN[key] ?? key}: ${reason}`, {
    ...(hint.length > 0 && { hint: hint.join('; ') }),
  });
}

const SPOKEN: Readonly<Record<string, string>> = {
  netns: 'namespace',
  network: 'network',
  ifname: 'interface',
  addresses: 'address',
  mac: 'MAC',
  names: 'name',
  name: 'name',
  routes: 'route',
  vni: 'VNI',
  mtu: 'MTU',
};
