/**
 * How long claims take from their origin to our forwarding table, by the wall clocks of both machines, each of which may be a day off and may
 * be set at any moment. So nothing is decided by it; and a claim that is here before it was made shows whose clock is ahead.
 */
import type { PlacedClaim } from '../../control/records/claim.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { Log } from '../log.ts';
import type { UsedClaim } from './reconciler.ts';
import { UsableHistogram } from './usable-histogram.ts';

/** Milliseconds. As of the finding `clock-skew` of the doctor. */
const AHEAD = 1000;

/** The same peer is named no more often, in milliseconds. */
const PAUSE = 3_600_000;

export class ClaimTimes {
  readonly usable = new UsableHistogram();
  private readonly modules: { readonly clock: Clock; readonly log: Log };
  private readonly self: string;
  /** Claims that were made while we listened, and are not in the dataplane yet: when, by the wall clock of their origin. */
  private readonly awaited = new Map<string, number>();
  private readonly named = new Map<string, number>();
  private listensSince = Number.POSITIVE_INFINITY;

  constructor(modules: ClaimTimes['modules'], options: { readonly self: string }) {
    this.modules = modules;
    this.self = options.self;
  }

  /** We hear of claims from now on. */
  start(): void {
    this.listensSince = this.modules.clock.now();
  }

  /** What was claimed before we listened, or is only the same claim again, measures nothing. */
  claimed({ vni, mac, origin, claimedAt }: PlacedClaim, previous: PlacedClaim | undefined): void {
    if (claimedAt === undefined || claimedAt < this.wallTimeOfStart() || origin === this.self) return;
    if (previous?.origin === origin && previous.claimedAt === claimedAt) return;
    this.awaited.set(`${vni} ${mac}`, claimedAt);
  }

  withdrawn({ vni, mac }: Pick<PlacedClaim, 'vni' | 'mac'>): void {
    this.awaited.delete(`${vni} ${mac}`);
  }

  /** It is in the dataplane. */
  installed({ vni, mac, origin, claimedAt }: UsedClaim): void {
    const key = `${vni} ${mac}`;
    if (claimedAt === undefined || this.awaited.get(key) !== claimedAt) return;
    this.awaited.delete(key);
    const took = this.modules.clock.wallTime() - claimedAt;
    this.usable.add(took);
    if (took <= -AHEAD) this.isAhead(origin, -took);
  }

  /** By the wall clock as it is set now, which is the one that claims are compared with. */
  private wallTimeOfStart(): number {
    const { clock } = this.modules;
    return clock.wallTime() - (clock.now() - this.listensSince);
  }

  private isAhead(peer: string, ms: number): void {
    const { clock, log } = this.modules;
    if (clock.now() - (this.named.get(peer) ?? Number.NEGATIVE_INFINITY) < PAUSE) return;
    this.named.set(peer, clock.now());
    log.warn(
      { component: 'control', peer, clock_ms: Math.round(ms) },
      'the clock of a peer is ahead of ours',
    );
  }
}
