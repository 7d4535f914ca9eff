/**
 * How many lines of one event are written: a token bucket for each event that somebody outside can cause (log-events.ts). What is left out
 * is counted, and said once a minute as long as it goes on.
 */
import { Budget } from '../control/budget.ts';
import type { Clock, Timer } from '../dataplane/clock.ts';
import { LIMITED_EVENTS, type LogEvent } from './log-events.ts';

/** Lines of one event at once: a pool of a hundred nodes that starts is told of whole. */
const BURST = 100;

/** Lines of one event in the long run, a second; some 20 MB a day. */
const RATE = 1;

/** How long lines are left out before that is said, milliseconds. */
const TELL_MS = 60_000;

interface Limit {
  readonly budget: Budget;
  /** Left out since that was said last. */
  suppressed: number;
  timer: Timer | undefined;
}

export class LogLimit {
  private readonly clock: Clock;
  private readonly onSuppressed: (event: LogEvent, count: number) => void;
  private readonly limits = new Map<LogEvent, Limit>();
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
    const limit = this.limits.get(event) ?? {
      budget: new Budget({ clock: this.clock }, { perSecond: RATE, burst: BURST }),
      suppressed: 0,
      timer: undefined,
    };
    this.limits.set(event, limit);
    if (limit.budget.take()) return true;
    limit.suppressed += 1;
    this.totals.set(event, (this.totals.get(event) ?? 0) + 1);
    limit.timer ??= this.clock.after(TELL_MS, () => this.tell(event, limit));
    return false;
  }

  /** Says what was left out and not said yet: for the end of the log. */
  flush(): void {
    for (const [event, limit] of this.limits) {
      limit.timer?.cancel();
      this.tell(event, limit);
    }
  }

  private tell(event: LogEvent, limit: Limit): void {
    const { suppressed } = limit;
    limit.timer = undefined;
    limit.suppressed = 0;
    if (suppressed > 0) this.onSuppressed(event, suppressed);
  }
}
