/** The clock of one simulated machine: it has an origin and a rate of its own, and stands still while its process is stopped. */
import type { Clock, Timer } from '../../dataplane/clock.ts';

export class NodeClock implements Clock {
  private readonly base: Clock;
  private readonly offset: number;
  private readonly rate: number;
  private bootedAt = 0;
  private wallOffset = 0;
  private suspended = 0;
  private isPaused = false;
  private waiting: (() => void)[] = [];

  /** `rate`: its milliseconds for one true millisecond, 1 but for a few hundred millionths in a real machine. */
  constructor(
    base: Clock,
    { offset = 0, rate = 1 }: { readonly offset?: number; readonly rate?: number } = {},
  ) {
    this.base = base;
    this.offset = offset;
    this.rate = rate;
  }

  now(): number {
    return this.offset + this.base.now() * this.rate;
  }

  bootTime(): number {
    return this.now() - this.bootedAt + this.suspended;
  }

  wallTime(): number {
    return this.now() + this.wallOffset + this.suspended;
  }

  /** Somebody sets the wall clock, by this much. */
  stepWall(ms: number): void {
    this.wallOffset += ms;
  }

  /** The machine was suspended: what is monotonic stood still, the others did not. */
  suspend(ms: number): void {
    this.suspended += ms;
  }

  /** The machine starts anew. */
  reboot(): void {
    this.bootedAt = this.now() + this.suspended;
  }

  after(ms: number, callback: () => void): Timer {
    let isCancelled = false;
    const timer = this.base.after(ms / this.rate, () =>
      this.gate(() => {
        if (!isCancelled) callback();
      }),
    );
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  /** Calls at once, or when the process goes on. */
  gate(callback: () => void): void {
    if (this.isPaused) this.waiting.push(callback);
    else callback();
  }

  /** As SIGSTOP does: time goes on, nothing is done. */
  pause(): void {
    this.isPaused = true;
  }

  /** As SIGCONT does: all that fell due is done now. */
  resume(): void {
    this.isPaused = false;
    const { waiting } = this;
    this.waiting = [];
    for (const callback of waiting) callback();
  }
}
