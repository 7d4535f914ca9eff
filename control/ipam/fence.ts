/**
 * Whether our addresses are still ours. They are from the moment at which the council has confirmed this start of ours, in a decision
 * that came after it: had we been forgotten before, it would have been void. From then on we can only be forgotten by a majority of
 * voters none of which has heard of us for a whole lease, so we are safe for as long as fewer than a majority may not
 * have heard of us for 0.9 of it.
 *
 * A voter that may have said of us once that we were silent may still be believed when it hears us again. So contact after a
 * longer gap does not count; only a new confirmation does, which makes all that was said before it void.
 *
 * A machine that was suspended was not heard meanwhile: how long is told by the clock that goes on then. One that its hypervisor has
 * stopped finds only its wall clock ahead, some time later, and so does one whose clock was wrong: reason enough to ask for a
 * confirmation, not to stop containers.
 */
import type { Clock } from '../../dataplane/clock.ts';
import type { Voter } from './council-state.ts';
import type { Liveness } from './host.ts';
import { FENCE_SHARE } from './limits.ts';

/** `renew`: still safe, but not if one more voter is lost. */
export type Safety = 'safe' | 'renew' | 'unsafe';

export class Fence {
  private readonly clock: Clock;
  private readonly liveness: Liveness;
  private readonly name: string;
  private readonly limit: number;
  /** When we asked for the last confirmation; undefined: none yet. */
  private baseline: number | undefined;
  /** Last contact with each voter, without a gap since the baseline. */
  private readonly contact = new Map<string, number>();
  private lookedAt = { now: 0, boot: 0, wall: 0 };
  /** The wall clock has gone ahead since the last confirmation. */
  private isDoubtful = false;

  constructor(
    modules: { readonly clock: Clock; readonly liveness: Liveness },
    options: { readonly name: string; readonly lease: number },
  ) {
    this.clock = modules.clock;
    this.liveness = modules.liveness;
    this.name = options.name;
    this.limit = options.lease * FENCE_SHARE;
  }

  /** The confirmation that was asked for at `since` has been decided. */
  confirmed(since: number): void {
    this.baseline = since;
    this.contact.clear();
    this.isDoubtful = false;
    this.lookedAt = this.times();
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
    if (this.baseline === undefined || this.hasSlept()) return 'unsafe';
    const now = this.clock.now();
    const unsure = voters.filter(({ name }) => name !== this.name && !this.hears(name, now)).length;
    const majority = Math.floor(voters.length / 2) + 1;
    if (unsure >= majority) return 'unsafe';
    return this.isDoubtful || (unsure > 0 && unsure + 1 >= majority) ? 'renew' : 'safe';
  }

  private hears(voter: string, now: number): boolean {
    const before = this.contact.get(voter) ?? this.baseline ?? Number.NEGATIVE_INFINITY;
    const last = this.liveness.lastTwoWay(voter);
    const hasGap = last === null || last <= before || last - before > this.limit;
    if (!hasGap) this.contact.set(voter, last);
    return now - (hasGap ? before : last) < this.limit;
  }

  /** The machine was suspended: its monotonic clock stood still, and nobody heard us. */
  private hasSlept(): boolean {
    const before = this.lookedAt;
    this.lookedAt = this.times();
    const { now, boot, wall } = this.lookedAt;
    const passed = boot - before.boot;
    if (wall - before.wall - passed >= this.limit / 2) this.isDoubtful = true;
    if (passed - (now - before.now) < this.limit / 2) return false;
    this.baseline = undefined;
    return true;
  }

  private times() {
    return { now: this.clock.now(), boot: this.clock.bootTime(), wall: this.clock.wallTime() };
  }
}
