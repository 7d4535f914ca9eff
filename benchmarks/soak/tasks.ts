/** Things that are done again and again until the end; one that takes longer than its interval is followed at once. */
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { Mishaps } from './mishaps.ts';

export class Tasks {
  private readonly clock: Clock;
  private readonly mishaps: Mishaps;
  private readonly running: Promise<void>[] = [];
  private readonly done = new Map<string, number>();
  private readonly waiting = new Map<Timer, () => void>();
  private isOver = false;

  constructor(modules: { readonly clock: Clock; readonly mishaps: Mishaps }) {
    this.clock = modules.clock;
    this.mishaps = modules.mishaps;
  }

  /** `what` in the plural; the first time after one interval. */
  every(what: string, intervalMs: number, work: () => Promise<void>): void {
    this.done.set(what, 0);
    this.running.push(this.repeat(what, intervalMs, work));
  }

  /** Lets what is under way end. Returns how often each was done. */
  async end(): Promise<Record<string, number>> {
    this.isOver = true;
    for (const [timer, wake] of this.waiting) {
      timer.cancel();
      wake();
    }
    await Promise.all(this.running);
    return Object.fromEntries(this.done);
  }

  private async repeat(what: string, intervalMs: number, work: () => Promise<void>): Promise<void> {
    let next = this.clock.now() + intervalMs;
    while (!this.isOver) {
      await this.pause(next - this.clock.now());
      if (this.isOver) return;
      next = Math.max(next, this.clock.now()) + intervalMs;
      await this.mishaps.attempt(what, work);
      this.done.set(what, (this.done.get(what) ?? 0) + 1);
    }
  }

  private async pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    await new Promise<void>(resolve => {
      const timer = this.clock.after(ms, () => {
        this.waiting.delete(timer);
        resolve();
      });
      this.waiting.set(timer, resolve);
    });
  }
}
