/** A log that is kept for a test to read. */
import { createLog, type Log } from '../log.ts';

export function memoryLog(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const { log } = createLog({
    level: 'trace',
    destination: {
      write: line => {
        lines.push(JSON.parse(line) as Record<string, unknown>);
      },
    },
  });
  return { log, lines };
}
