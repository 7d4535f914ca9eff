/**
 * The time for the frame path: a number in memory, renewed by a timer. Asking the machine's clock costs Node most of a
 * microsecond and a heap number each time, and any function that returns a fraction may cost the heap number; a forwarding
 * table needs neither for each frame, nor the fraction of a second.
 */
import type { Clock, Timer } from './clock.ts';

/** Milliseconds that it may be late. Entries age 300 s, and are renewed once a second: a quarter of that does no harm. */
const PERIOD_MS = 250;

/** Milliseconds as of `Clock.now`, in element 0: to read them takes nothing from the heap. */
export interface Time {
  readonly ms: Float64Array;
}

export class CoarseTime implements Time {
  readonly ms = new Float64Array(1);
  private readonly clock: Clock;
  private timer: Timer | undefined;

  constructor(modules: { readonly clock: Clock }) {
    this.clock = modules.clock;
    this.renew();
  }

  /** Stops the timer, and so the time. */
  close(): void {
    this.timer?.cancel();
  }

  private renew(): void {
    this.ms[0] = this.clock.now();
    this.timer = this.clock.after(PERIOD_MS, () => this.renew());
  }
}
