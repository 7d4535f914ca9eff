/** How weft fails: one class, a code that callers may branch on, and a message an operator can act on. */

/**
 * The codes, and what each means for the caller.
 * - `invalid_argument`: the caller's input is wrong; nothing was changed; do not retry as it is.
 * - `invalid_config`: the configuration file is wrong; nothing was started.
 * - `not_permitted`: this process lacks a right (root, CAP_NET_ADMIN); nothing was changed.
 * - `not_found`: what was named does not exist.
 * - `conflict`: a name, address, port or interface is taken by somebody else; nothing was changed.
 * - `unavailable`: something that is needed is missing now (a device, a peer, the daemon); a later try may succeed.
 * - `system`: the operating system refused; the message carries its own words.
 * - `malformed`: bytes from outside do not parse; drop them and count.
 */
export type ErrorCode =
  | 'invalid_argument'
  | 'invalid_config'
  | 'not_permitted'
  | 'not_found'
  | 'conflict'
  | 'unavailable'
  | 'system'
  | 'malformed';

/**
 * An error that is shown to people as one line: what happened, why, and what to do. `message` holds what and why;
 * `hint`, if any, says what to do.
 */
export class WeftError extends Error {
  override readonly name = 'WeftError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  /** The line for stderr: "what: why; what to do". */
  get line(): string {
    return this.hint === undefined ? this.message : `${this.message}; ${this.hint}`;
  }
}
