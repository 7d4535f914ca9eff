import { getSystemErrorMap } from 'node:util';
import { type ErrorCode, WeftError } from '../errors.ts';

/** The operating system's own words for an errno, or better ones: "address already in use (EADDRINUSE)". */
export function describeErrno(errno: number, better = ''): string {
  const [name, words] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
  return `${better === '' ? words : better} (${name})`;
}

/** An error whose message ends in the operating system's words. */
export function systemError(
  what: string,
  errno: number,
  options: { code?: ErrorCode; hint?: string } = {},
): WeftError {
  return new WeftError(
    options.code ?? 'system',
    `${what}: ${describeErrno(errno)}`,
    options.hint === undefined ? {} : { hint: options.hint },
  );
}
