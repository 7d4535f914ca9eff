/** How much may be done: a token bucket (RFC 2697 has it for a meter) that fills with time. */
import type { Clock } from '../dataplane/clock.ts';

export interface BudgetOptions {
  /** What it gains in a second. */
  readonly perSecond: number;
  /** The most that it holds, which it has at the beginning. */
  readonly burst: number;
}

export class Budget {
  private readonly clock: Pick<Clock, 'now'>;
  private readonly options: BudgetOptions;
  private tokens: number;
  private filledAt: number;

  constructor(modules: { readonly clock: Pick<Clock, 'now'> }, options: BudgetOptions) {
    this.clock = modules.clock;
    this.options = options;
    this.tokens = options.burst;
    this.filledAt = this.clock.now();
  }

  /** Takes as much, or nothing; returns whether it was there. */
  take(amount = 1): boolean {
    this.fill();
    if (this.tokens < amount) return false;
    this.tokens -= amount;
    return true;
  }

  /** Nothing of it is missing. */
  get isFull(): boolean {
    this.fill();
    return this.tokens >= this.options.burst;
  }

  /** After the last {@link take}, more than half of the burst was gone: it is somebody who asks much. */
  get isStrained(): boolean {
    return this.tokens < this.options.burst / 2;
  }

  private fill(): void {
    const { burst, perSecond } = this.options;
    const now = this.clock.now();
    this.tokens = Math.min(burst, this.tokens + ((now - this.filledAt) * perSecond) / 1000);
    this.filledAt = now;
  }
}
