/**
 * The time for the frame path: a number in memory. Asking the machine's clock costs Node most of a microsecond and a heap
 * number each time, and any function that returns a fraction may cost the heap number; a forwarding table needs neither for
 * each frame, nor the fraction of a millisecond.
 */
import { batchIo } from './native/batch-io.ts';

/** Milliseconds as of `Clock.now`, in element 0: to read them takes nothing from the heap. */
export interface Time {
  readonly ms: Float64Array;
}

/**
 * When this thread was last woken, by `systemClock`: the addon writes it before it serves a port, so no timer has to. Without
 * an open port it stands still.
 */
export const threadTime: Time = { ms: new Float64Array(batchIo.threadTime()) };
