/**
 * How many lines of one event are written: a token bucket for each event that somebody outside can cause (log-events.ts). What is left out
 * is counted, and said once a minute as long as it goes on.
 */
import type { Clock, Timer } from '../dataplane/clock.ts';
import { LIMITED_EVENTS, type LogEvent } from './log-events.ts';

/** Lines of one event at once: a pool of a hundred nodes that starts is told of whole. */
const BURST = 100;

/** Lines of one event in the long run, a second; some 20 MB a day. */
const RATE = 1;

/** How long lines are left out before that is said, milliseconds. */
const TELL_MS = 60_000;

interface Bucket {
  tokens: number;
  filledAt: number;
  /** Left out since that was said last. */
  suppressed: number;
  timer: Timer | undefined;
}

export class LogLimit {
  private readonly clock: Clock;
  private readonly onSuppressed: (event: LogEvent, count: number) => void;
  private readonly buckets = new Map<LogEvent, Bucket>();
  private readonly totals = new Map<LogEvent, number>();

  /** `onSuppressed`: so many lines of this event were left out. */
  constructor(clock: Clock, onSuppressed: (event: LogEvent, count: number) => void) {
    this.clock = clock;
    this.onSuppressed = onSuppressed;
  }

  /** Lines that were left out since the start, by event; 0 for the events of which there could be some. */
  get suppressed(): ReadonlyMap<LogEvent, number> {
    return new Map([...LIMITED_EVENTS].map(event => [event, this.totals.get(event) ?? 0]));
  }

  /** Whether a line of this event is to be written. */
  admits(event: LogEvent): boolean {
    if (!LIMITED_EVENTS.has(event)) return true;
    const now = this.clock.now();
    const bucket = this.buckets.get(event) ?? {
      tokens: BURST,
      filledAt: now,
      suppressed: 0,
      timer: undefined,
    };
    this.buckets.set(event, bucket);
    bucket.tokens = Math.min(BURST, bucket.tokens + (RATE * (now - bucket.filledAt)) / 1000);
    bucket.filledAt = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return true;
    }
    bucket.suppressed += 1;
    this.totals.set(event, (this.totals.get(event) ?? 0) + 1);
    bucket.timer ??= this.clock.after(TELL_MS, () => this.tell(event, bucket));
    return false;
  }

  /** Says what was left out and not said yet: for the end of the log. */
  flush(): void {
    for (const [event, bucket] of this.buckets) {
      bucket.timer?.cancel();
      this.tell(event, bucket);
    }
  }

  private tell(event: LogEvent, bucket: Bucket): void {
    const { suppressed } = bucket;
    bucket.timer = undefined;
    bucket.suppressed = 0;
    if (suppressed > 0) this.onSuppressed(event, suppressed);
  }
}
