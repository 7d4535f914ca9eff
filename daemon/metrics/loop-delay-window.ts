/**
 * How late the main thread runs its callbacks, minute by minute. What Node measures is reset only here, so several who ask do not take
 * it from each other; and what is told is of the last whole minute, so whoever asks once a minute misses none.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Timer } from '../../dataplane/clock.ts';

/** Between two measurements, milliseconds: fifty wake-ups a second of some microseconds each, as control/loop-delay.ts has. */
const RESOLUTION_MS = 20;

const WINDOW_MS = 60_000;

/** As the label says it: 100 is the longest. It is not called quantile, which is a word of summaries. */
const PERCENTILES = ['50', '90', '99', '100'] as const;

/** Seconds by percentile. */
export type LoopDelayReport = readonly (readonly [string, number])[];

export type DelayHistogram = Pick<IntervalHistogram, 'percentile' | 'reset' | 'enable' | 'disable' | 'count'>;

export class LoopDelayWindow {
  private readonly clock: Clock;
  private readonly histogram: DelayHistogram;
  private last: LoopDelayReport | undefined;
  private timer: Timer | undefined;

  /** Begins to measure. */
  constructor(
    clock: Clock,
    histogram: DelayHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS }),
  ) {
    this.clock = clock;
    this.histogram = histogram;
    histogram.enable();
    this.schedule();
  }

  stop(): void {
    this.timer?.cancel();
    this.histogram.disable();
  }

  /** Seconds by percentile, of the last whole minute; in the first one, of what there is of it. */
  report(): LoopDelayReport {
    return this.last ?? this.current();
  }

  private schedule(): void {
    this.timer = this.clock.after(WINDOW_MS, () => {
      this.last = this.current();
      this.histogram.reset();
      this.schedule();
    });
  }

  private current(): LoopDelayReport {
    if (this.histogram.count === 0) return [];
    return PERCENTILES.map(percentile => {
      // What is recorded is the time between two timers, in nanoseconds.
      const delay = this.histogram.percentile(Number(percentile)) / 1e9 - RESOLUTION_MS / 1000;
      return [percentile, Math.max(0, delay)] as const;
    });
  }
}
