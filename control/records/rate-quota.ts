/**
 * How many records of one origin are taken in a second: a container that makes up MAC addresses, or a node that does, must not
 * keep all others busy. A token bucket for each origin. Who has emptied his is not listened to for a while, rather than cut short at
 * each frame, for each piece that is missing would be asked for again.
 */
import type { Clock } from '../../dataplane/clock.ts';
import { Budget, type BudgetOptions } from '../budget.ts';

export class RateQuota {
  private readonly clock: Pick<Clock, 'now'>;
  private readonly options: BudgetOptions;
  /** Of origins that have said something lately: a full one is forgotten. */
  private readonly budgets = new Map<string, Budget>();

  constructor(modules: { readonly clock: Pick<Clock, 'now'> }, options: BudgetOptions) {
    this.clock = modules.clock;
    this.options = options;
  }

  /** Takes what so many records of an origin need, or nothing; returns whether it was there. */
  take(origin: string, records: number): boolean {
    if (records === 0) return true;
    const budget = this.budgets.get(origin) ?? new Budget({ clock: this.clock }, this.options);
    this.budgets.set(origin, budget);
    return budget.take(records);
  }

  /** Forgets what is full again. */
  tidy(): void {
    for (const [origin, budget] of this.budgets) if (budget.isFull) this.budgets.delete(origin);
  }
}
