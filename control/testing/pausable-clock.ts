import type { Clock, Timer } from '../../dataplane/clock.ts';

/**
 * The clock of a process that can be stopped (SIGSTOP): time goes on, but nothing fires. Afterwards all that fell due fires
 * at once, in order, and late, as Node does it.
 */
export class PausableClock implements Clock {
  private readonly clock: Clock;
  private readonly late: (() => void)[] = [];
  private isPaused = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): number {
    return this.clock.now();
  }

  bootTime(): number {
    return this.clock.bootTime();
  }

  wallTime(): number {
    return this.clock.wallTime();
  }

  get paused(): boolean {
    return this.isPaused;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    for (const callback of this.late.splice(0)) callback();
  }

  after(ms: number, callback: () => void): Timer {
    let isCancelled = false;
    const fire = (): void => {
      if (isCancelled) return;
      if (this.isPaused) this.late.push(fire);
      else callback();
    };
    const timer = this.clock.after(ms, fire);
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }
}
