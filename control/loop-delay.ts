/** How late this process runs its callbacks, as it finds out itself. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopDelay {
  /** The longest delay since the last call, in milliseconds. */
  takeLongest(): number;
}

/** For those who have no loop of their own, as the nodes of a simulation. */
export const NO_LOOP_DELAY: LoopDelay = { takeLongest: () => 0 };

/**
 * How often it is measured, in milliseconds. A stall is seen but for the part before the next measurement is due, so one of 250 ms, which counts
 * (probe.ts), for at least 150 and one of 350 always; each measurement wakes the thread (ADR 18: at 20 ms a fifth of what an idle daemon cost).
 * What is asked for begins anew with the second measurement after the question: one stall of those that begin within 100 ms of a question, some tenth
 * of all, is missed.
 */
const RESOLUTION = 100;

/** Measures this thread's event loop until it is stopped. */
export class EventLoopDelay implements LoopDelay {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION });

  start(): void {
    this.histogram.enable();
  }

  stop(): void {
    this.histogram.disable();
  }

  takeLongest(): number {
    // What it records is the time between two of its timers.
    const longest = this.histogram.max / 1e6 - RESOLUTION;
    this.histogram.reset();
    return Math.max(0, longest);
  }
}
