/** What a daemon has logged: JSON lines (docs/logging.md). */
import type { LogFields } from '../log-fields.ts';

export interface LogLine extends LogFields {
  readonly msg: string;
  readonly event?: string;
}

/** The lines of its output that are whole. */
export function readLog(output: string): LogLine[] {
  return output.split('\n').flatMap(line => {
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return []; // The beginning was not kept, or the end is still being written.
    }
  });
}
