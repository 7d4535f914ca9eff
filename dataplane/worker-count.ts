/** How many dataplane workers there are. */
import { availableParallelism } from 'node:os';

/** More share one socket and one set of tables without gain: each has 16 source ports and a table of its own. */
export const MAX_WORKERS = 16;

export function workerCount(setting: 'auto' | number, processors = availableParallelism()): number {
  return setting === 'auto' ? Math.min(Math.max(1, Math.floor(processors / 4)), 4) : setting;
}
