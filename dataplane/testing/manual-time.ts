import type { Clock } from '../clock.ts';
import type { Time } from '../thread-time.ts';

/** The time of the frame path where a test owns the clock: always that of the clock. */
export function timeOf(clock: Pick<Clock, 'now'>): Time {
  const memory = new Float64Array(1);
  return {
    get ms() {
      memory[0] = clock.now();
      return memory;
    },
  };
}
