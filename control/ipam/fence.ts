/**
 * Whether our addresses are still ours. They are from the moment at which the council has confirmed this start of ours, in a decision
 * that came after it: had we been forgotten before, it would have been void. From then on we can only be forgotten by a majority of
 * voters none of which has heard of us for a whole lease, so we are safe for as long as fewer than a majority may not
 * have heard of us for 0.9 of it.
 *
 * A voter that may have said of us once that we were silent may still be believed when it hears us again. So contact after a
 * longer gap does not count; only a new confirmation does, which makes all that was said before it void.
 *
 * A machine that was suspended was not heard meanwhile, and our clock stood still: all of it since the confirmation is told by the clock
 * that goes on then, and may come to half of what 0.9 of a lease lacks of a whole one; the other half is for clocks and for looking. A machine that its hypervisor has stopped finds only its
 * wall clock ahead, some time later, and so does one whose clock was wrong: reason enough to ask for a confirmation, not to stop containers.
 */
import type { Clock } from '../../dataplane/clock.ts';
import type { Voter } from './council-state.ts';
import type { Liveness } from './host.ts';
import { FENCE_SHARE } from './limits.ts';

/** `renew`: still safe, but not if one more voter is lost. */
export type Safety = 'safe' | 'renew' | 'unsafe';

/** One moment by all clocks, in milliseconds. */
export interface Moment {
  readonly now: number;
  readonly boot: number;
  readonly wall: number;
}

export class Fence {
  private readonly clock: Clock;
  private readonly liveness: Liveness;
  private readonly name: string;
  private readonly limit: number;
  /** How long our clock may stand still, in milliseconds. */
  private readonly margin: number;
  /** When we asked for the last confirmation; undefined: none yet. */
  private baseline: Moment | undefined;
  /** Last contact with each voter, without a gap since the baseline. */
  private readonly contact = new Map<string, number>();
  private lookedAt: Moment = { now: 0, boot: 0, wall: 0 };
  /** The wall clock has gone ahead since the last confirmation, or half of the margin is gone. */
  private isDoubtful = false;

  constructor(
    modules: { readonly clock: Clock; readonly liveness: Liveness },
    options: { readonly name: string; readonly lease: number },
  ) {
    this.clock = modules.clock;
    this.liveness = modules.liveness;
    this.name = options.name;
    this.limit = options.lease * FENCE_SHARE;
    this.margin = (options.lease - this.limit) / 2;
  }

  /** When it is now: for {@link confirmed}. */
  moment(): Moment {
    return { now: this.clock.now(), boot: this.clock.bootTime(), wall: this.clock.wallTime() };
  }

  /** The confirmation that was asked for at `since` has been decided. What has happened after that it says nothing about. */
  confirmed(since: Moment): void {
    this.baseline = since;
    this.contact.clear();
    this.isDoubtful = false;
    this.lookedAt = since;
  }

  /** Nothing counts any more. */
  lapse(): void {
    this.baseline = undefined;
  }

  /** How often to look, in milliseconds. */
  get interval(): number {
    return Math.max(10, this.limit / 30);
  }

  look(voters: readonly Voter[]): Safety {
    const { baseline } = this;
    if (baseline === undefined || this.hasSlept(baseline)) return 'unsafe';
    const now = this.clock.now();
    const hears = ({ name }: Voter) => name === this.name || this.hears(name, { now, since: baseline.now });
    const unsure = voters.filter(voter => !hears(voter)).length;
    const majority = Math.floor(voters.length / 2) + 1;
    if (unsure >= majority) return 'unsafe';
    return this.isDoubtful || (unsure > 0 && unsure + 1 >= majority) ? 'renew' : 'safe';
  }

  private hears(voter: string, { now, since }: { readonly now: number; readonly since: number }): boolean {
    const before = this.contact.get(voter) ?? since;
    const last = this.liveness.lastTwoWay(voter);
    const hasGap = last === null || last <= before || last - before > this.limit;
    if (!hasGap) this.contact.set(voter, last);
    return now - (hasGap ? before : last) < this.limit;
  }

  /** The machine was suspended: its monotonic clock stood still, and nobody heard us. */
  private hasSlept(baseline: Moment): boolean {
    const before = this.lookedAt;
    const at = this.moment();
    this.lookedAt = at;
    if (at.wall - before.wall - (at.boot - before.boot) >= this.margin) this.isDoubtful = true;
    const slept = at.boot - baseline.boot - (at.now - baseline.now);
    if (slept >= this.margin / 2) this.isDoubtful = true;
    if (slept < this.margin) return false;
    this.baseline = undefined;
    return true;
  }
}
