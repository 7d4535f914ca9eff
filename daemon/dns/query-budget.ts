/** How much may be asked: a token bucket (RFC 2697 has it for a meter) of queries. */
import type { Clock } from '../../dataplane/clock.ts';

export interface QueryBudgetOptions {
  /** Queries a second. */
  readonly rate: number;
  /** Queries at one time. */
  readonly burst: number;
}

export class QueryBudget {
  private readonly clock: Clock;
  private readonly options: QueryBudgetOptions;
  private tokens: number;
  private filledAt: number;

  constructor(modules: { readonly clock: Clock }, options: QueryBudgetOptions) {
    this.clock = modules.clock;
    this.options = options;
    this.tokens = options.burst;
    this.filledAt = this.clock.now();
  }

  /** Takes one query; returns whether there was one left. */
  take(): boolean {
    const { rate, burst } = this.options;
    const now = this.clock.now();
    this.tokens = Math.min(burst, this.tokens + ((now - this.filledAt) * rate) / 1000);
    this.filledAt = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  /** More than half of the burst was taken: by somebody who asks much. */
  get isStrained(): boolean {
    return this.tokens < this.options.burst / 2;
  }
}
