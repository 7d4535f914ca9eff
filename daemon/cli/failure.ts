/** How a run of `weft` ends: its exit statuses, and the one line that says why it failed. */
import { WeftError } from '../../dataplane/errors.ts';
import { oneLine } from '../one-line.ts';

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** "weft: what: why; what to do". */
export function failureLine(text: string): string {
  return `weft: ${oneLine(text)}\n`;
}

/** What it was that failed, for {@link failureLine}. */
export function reasonOf(error: unknown): string {
  if (error instanceof WeftError) return error.line;
  return `internal error: ${error instanceof Error ? error.message : String(error)}; please report it`;
}
