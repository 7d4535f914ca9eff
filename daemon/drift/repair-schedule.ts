/**
 * When something is looked at that somebody may have changed. Not at once, for whoever deletes an interface may be about to detach it; not more often
 * than once a second, for somebody may delete it in a loop; and later and later while putting it back fails.
 *
 *   suspected ──SETTLE──► looked at ──► as it should be: forgotten
 *                            │ ▲
 *                            │ └── COOL_DOWN after a repair, 1, 2, 4 … 30 s after a failure ── suspected again
 *                            └──► put right, or failed
 */
import type { Clock, Timer } from '../../dataplane/clock.ts';

/** Milliseconds; together they stay below the two seconds in which all is to be back. */
const SETTLE = 150;
const COOL_DOWN = 1000;
const LONGEST_RETRY = 30_000;

interface Suspicion {
  /** When it was first suspected of what it is suspected of now; undefined: of nothing. */
  since: number | undefined;
  due: number;
  notBefore: number;
  failures: number;
  /** It goes away if the link turns out to be as it should be. */
  isSoft: boolean;
  isRunning: boolean;
}

export interface RepairScheduleOptions {
  /** Looks at it; whether something was put right. `since`: time of the clock at which it was first suspected. */
  readonly look: (key: string, since: number) => Promise<boolean>;
  /** `retryMs`: when it is tried again. */
  readonly onFailure: (key: string, error: unknown, retryMs: number) => void;
}

export class RepairSchedule {
  private readonly clock: Clock;
  private readonly options: RepairScheduleOptions;
  private readonly suspicions = new Map<string, Suspicion>();
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(modules: { readonly clock: Clock }, options: RepairScheduleOptions) {
    this.clock = modules.clock;
    this.options = options;
  }

  /** How many things it remembers. */
  get size(): number {
    return this.suspicions.size;
  }

  /** Since when it is suspected; undefined: it is not. */
  sinceOf(key: string): number | undefined {
    return this.suspicions.get(key)?.since;
  }

  suspect(key: string, { isSoft = false } = {}): void {
    if (this.isStopped) return;
    const now = this.clock.now();
    const known = this.suspicions.get(key);
    if (known?.since !== undefined) {
      known.isSoft &&= isSoft;
      return;
    }
    const notBefore = known?.notBefore ?? now;
    const due = Math.max(now + SETTLE, notBefore);
    const { failures, isRunning } = known ?? { failures: 0, isRunning: false };
    this.suspicions.set(key, { since: now, due, notBefore, failures, isRunning, isSoft });
    this.arm();
  }

  /** The link is as it should be. */
  clear(key: string): void {
    const known = this.suspicions.get(key);
    if (known?.isSoft === true && !known.isRunning) known.since = undefined;
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    this.suspicions.clear();
  }

  private arm(): void {
    this.timer?.cancel();
    this.timer = undefined;
    let next = Number.POSITIVE_INFINITY;
    for (const [key, one] of this.suspicions) {
      if (one.isRunning) continue;
      if (one.since === undefined && one.notBefore <= this.clock.now()) this.suspicions.delete(key);
      else next = Math.min(next, one.since === undefined ? one.notBefore : one.due);
    }
    if (this.isStopped || next === Number.POSITIVE_INFINITY) return;
    this.timer = this.clock.after(Math.max(0, next - this.clock.now()), () => this.run());
  }

  private run(): void {
    const now = this.clock.now();
    for (const [key, one] of this.suspicions)
      if (one.since !== undefined && one.due <= now && !one.isRunning) this.look(key, one, one.since);
    this.arm();
  }

  private look(key: string, one: Suspicion, since: number): void {
    one.isRunning = true;
    // What is told from now on may be of something that happened after the look.
    one.since = undefined;
    one.isSoft = true;
    const settle = (wait: number, failures: number) => {
      const now = this.suspicions.get(key);
      if (now === undefined) return;
      now.isRunning = false;
      now.failures = failures;
      now.notBefore = this.clock.now() + wait;
      now.due = Math.max(now.due, now.notBefore);
      this.arm();
    };
    this.options.look(key, since).then(
      isRepaired => settle(isRepaired ? COOL_DOWN : 0, 0),
      error => {
        if (this.isStopped) return;
        const failures = (this.suspicions.get(key)?.failures ?? 0) + 1;
        const retry = Math.min(LONGEST_RETRY, COOL_DOWN * 2 ** (failures - 1));
        this.options.onFailure(key, error, retry);
        settle(retry, failures);
        // Nobody may tell of it again.
        this.suspect(key);
      },
    );
  }
}
