/**
 * What follows from the news of the record log: entries in the dataplane, alarms, the defence of our own addresses, and which VTEPs are
 * known to tell what they have.
 */
import type { PlacedClaim } from '../../control/records/claim.ts';
import type { RecordEvent } from '../../control/records/events.ts';
import type { RecordLog } from '../../control/records/record-log.ts';
import { formatMac, type MacAddress, type Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { Log } from '../log.ts';
import { Contests, type ContestsModules } from './contests.ts';
import { ClaimReconciler, type ClaimSource, type UsedClaim } from './reconciler.ts';
import { UsableHistogram } from './usable-histogram.ts';

export interface ClaimKeeperModules extends Omit<ContestsModules, 'records'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly records: RecordLog;
  /** What becomes entries of the dataplane. */
  readonly claims: ClaimSource;
  readonly dataplane: Pick<Dataplane, 'run'>;
}

export interface ClaimKeeperOptions {
  readonly self: string;
  /** Those that this VM carries at present. */
  readonly networks: () => readonly { readonly name: string; readonly vni: Vni }[];
  /** Some origin carries a network, or is known to tell what it has, or no longer. */
  readonly onTelling: () => void;
  /** Our log has begun anew. */
  readonly onEpoch: () => void;
}

export class ClaimKeeper {
  readonly reconciler: ClaimReconciler;
  /** How long claims took from their origin to our forwarding table, in milliseconds, by both nodes' wall clocks. */
  readonly usable = new UsableHistogram();
  private readonly modules: ClaimKeeperModules;
  private readonly options: ClaimKeeperOptions;
  private readonly contests: Contests;
  /** Claims that were made while we listened, and are not in the dataplane yet: when, by the wall clock of their origin. */
  private readonly awaited = new Map<string, number>();
  private listensSince = Number.POSITIVE_INFINITY;

  constructor(modules: ClaimKeeperModules, options: ClaimKeeperOptions) {
    this.modules = modules;
    this.options = options;
    this.contests = new Contests(modules, options);
    this.reconciler = new ClaimReconciler(modules, {
      self: options.self,
      vnis: () => options.networks().map(({ vni }) => vni),
      onInstalled: claim => this.installed(claim),
    });
  }

  /** The networks are in the dataplane. */
  async start(): Promise<void> {
    await this.reconciler.start();
    this.listensSince = this.modules.clock.wallTime();
  }

  async stop(): Promise<void> {
    this.contests.stop();
    await this.reconciler.stop();
  }

  /** What an earlier process knew is not believed any longer. */
  forgotten(vni: Vni, macs: readonly MacAddress[]): void {
    for (const mac of macs) this.changed(vni, mac);
    this.options.onTelling();
  }

  /** Takes an event of the record log; calls nothing of it. */
  onEvent(event: Exclude<RecordEvent, { readonly type: 'posted' }>): void {
    switch (event.type) {
      case 'claimWon':
        this.changed(event.vni, event.claim.mac);
        this.await(event.claim, undefined);
        return;
      case 'claimChanged':
        this.changed(event.vni, event.previous.mac);
        this.changed(event.vni, event.claim.mac);
        this.await(event.claim, event.previous);
        return;
      case 'claimWithdrawn':
        this.changed(event.vni, event.previous.mac);
        this.awaited.delete(`${event.vni} ${event.previous.mac}`);
        return;
      case 'claimLost': {
        const { claim, winner } = event;
        if (!('mac' in event.subject)) return;
        const fields = { ...this.fieldsOf(event.vni, claim.mac), peer: winner.origin, reason: event.reason };
        this.modules.log.warn(fields, 'another node claims an address of a container of ours');
        this.contests.lost(event.vni, claim.mac);
        return;
      }
      case 'addressFrozen': {
        const fields = { ...this.fieldsOf(event.vni, event.mac), peer: event.claim.origin } as const;
        this.modules.log.warn(fields, 'an address moves to and fro: held where it is');
        return;
      }
      case 'addressReleased':
        this.modules.log.info(
          { ...this.fieldsOf(event.vni, event.mac), peer: event.claim.origin },
          'an address may move again',
        );
        return;
      case 'carrierUp':
      case 'carrierDown':
      case 'originTells':
      case 'originSilent':
        this.options.onTelling();
        return;
      case 'quotaExceeded':
        this.modules.log.warn({ peer: event.origin }, 'a peer announces more than is kept of one node');
        return;
      case 'epochRaised':
        this.options.onEpoch();
    }
  }

  private changed(vni: Vni, mac: MacAddress): void {
    this.reconciler.changed(vni, mac);
  }

  /** What was claimed before we listened, or is only the same claim again, measures nothing. */
  private await({ vni, mac, origin, claimedAt }: PlacedClaim, previous: PlacedClaim | undefined): void {
    if (claimedAt === undefined || claimedAt < this.listensSince || origin === this.options.self) return;
    if (previous?.origin === origin && previous.claimedAt === claimedAt) return;
    this.awaited.set(`${vni} ${mac}`, claimedAt);
  }

  private installed({ vni, mac, claimedAt }: UsedClaim): void {
    const key = `${vni} ${mac}`;
    if (claimedAt === undefined || this.awaited.get(key) !== claimedAt) return;
    this.awaited.delete(key);
    this.usable.add(this.modules.clock.wallTime() - claimedAt);
  }

  private fieldsOf(vni: Vni, mac: MacAddress) {
    const network = this.options.networks().find(candidate => candidate.vni === vni)?.name;
    return { component: 'control', network, vni, mac: formatMac(mac) } as const;
  }
}
