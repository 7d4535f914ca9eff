/** What was asked for and may be under way: of several peers who have it one is asked, and after a while another one. */
import type { Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { DigestEntry } from './frame.ts';
import { INQUIRY_PATIENCE, SCOPE_MAX_ORIGINS } from './limits.ts';

interface Inquiry {
  /** How far the log was to come. */
  readonly goal: DigestEntry;
  readonly until: number;
}

export class Inquiries {
  private readonly clock: Clock;
  private readonly open = new Map<string, Inquiry>();

  constructor(modules: { readonly clock: Clock }) {
    this.clock = modules.clock;
  }

  /** Whether to ask for a log up to here; if so, it is asked for from now on. */
  begin(vni: Vni, goal: DigestEntry): boolean {
    const key = `${vni}|${goal.origin}`;
    const known = this.open.get(key);
    if (known !== undefined && known.until > this.clock.now() && reaches(known.goal, goal)) return false;
    // Whoever names origins that do not exist gets us to ask, not to remember them.
    if (known === undefined && this.open.size >= SCOPE_MAX_ORIGINS) return true;
    this.open.set(key, { goal, until: this.clock.now() + INQUIRY_PATIENCE });
    return true;
  }

  /** Forgets those that were patient enough. */
  tidy(): void {
    for (const [key, { until }] of this.open) if (until <= this.clock.now()) this.open.delete(key);
  }
}

function reaches(known: DigestEntry, goal: DigestEntry): boolean {
  return known.epoch === goal.epoch && known.seq >= goal.seq && known.gc >= goal.gc;
}
