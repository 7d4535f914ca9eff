import type { Clock, Timer } from '../dataplane/clock.ts';

/**
 * A Repeater that sleeps while it is not needed: its beats are as far apart as if it never slept, but the thread is woken
 * only for those at which there is something to do. Whoever makes that true calls `wake`.
 */
export class OnDemand {
  private readonly clock: Clock;
  private readonly action: () => void;
  private readonly wait: () => number;
  private readonly isNeeded: () => boolean;
  /** When the next beat is, or one was at which it slept; undefined: stopped. */
  private beat: number | undefined;
  private timer: Timer | undefined;

  constructor(
    modules: { readonly clock: Clock },
    options: {
      /** Milliseconds between two beats. */
      readonly wait: () => number;
      /** Asked when woken and after each action. */
      readonly isNeeded: () => boolean;
      readonly action: () => void;
    },
  ) {
    this.clock = modules.clock;
    this.action = options.action;
    this.wait = options.wait;
    this.isNeeded = options.isNeeded;
  }

  /** Starts; the first beat is in `firstWait` milliseconds. */
  start(firstWait: number): void {
    this.stop();
    this.beat = this.clock.now() + firstWait;
    this.wake();
  }

  stop(): void {
    this.beat = undefined;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** There may be something to do: at the next beat, if so. Does nothing while stopped. */
  wake(): void {
    if (this.beat === undefined || this.timer !== undefined || !this.isNeeded()) return;
    const now = this.clock.now();
    if (this.beat < now) {
      const wait = this.wait();
      this.beat += wait * Math.ceil((now - this.beat) / wait);
    }
    const next = this.beat + this.wait();
    this.timer = this.clock.after(this.beat - now, () => this.fire(next));
  }

  private fire(next: number): void {
    // Not from the time it is now: a timer may be early by a fraction of a millisecond, and this beat would be had twice.
    this.beat = next;
    this.timer = undefined;
    this.action();
    this.wake();
  }
}
