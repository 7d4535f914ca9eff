/**
 * What follows from the news of the record log: entries in the dataplane, alarms, the defence of our own addresses, and which VTEPs are
 * known to tell what they have.
 */
import type { RecordEvent } from '../../control/records/events.ts';
import type { RecordLog } from '../../control/records/record-log.ts';
import { formatMac, type MacAddress, type Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { Log } from '../log.ts';
import { ClaimTimes } from './claim-times.ts';
import { Contests, type ContestsModules } from './contests.ts';
import { ClaimReconciler, type ClaimSource } from './reconciler.ts';
import type { UsableHistogram } from './usable-histogram.ts';

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
  /** See {@link ReconcilerOptions.auditVteps}. */
  readonly auditVteps: () => Promise<number>;
  /** Our log has begun anew. */
  readonly onEpoch: () => void;
}

export class ClaimKeeper {
  readonly reconciler: ClaimReconciler;
  private readonly modules: ClaimKeeperModules;
  private readonly options: ClaimKeeperOptions;
  private readonly contests: Contests;
  private readonly times: ClaimTimes;

  constructor(modules: ClaimKeeperModules, options: ClaimKeeperOptions) {
    this.modules = modules;
    this.options = options;
    this.contests = new Contests(modules, options);
    this.times = new ClaimTimes(modules, options);
    this.reconciler = new ClaimReconciler(modules, {
      self: options.self,
      vnis: () => options.networks().map(({ vni }) => vni),
      auditVteps: options.auditVteps,
      onInstalled: claim => this.times.installed(claim),
    });
  }

  /** How long claims took from their origin to our forwarding table. */
  get usable(): UsableHistogram {
    return this.times.usable;
  }

  /** The networks are in the dataplane. */
  async start(): Promise<void> {
    await this.reconciler.start();
    this.times.start();
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
        this.times.claimed(event.claim, undefined);
        return;
      case 'claimChanged':
        this.changed(event.vni, event.previous.mac);
        this.changed(event.vni, event.claim.mac);
        this.times.claimed(event.claim, event.previous);
        return;
      case 'claimWithdrawn':
        this.changed(event.vni, event.previous.mac);
        this.times.withdrawn(event.previous);
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

  private fieldsOf(vni: Vni, mac: MacAddress) {
    const network = this.options.networks().find(candidate => candidate.vni === vni)?.name;
    return { component: 'control', network, vni, mac: formatMac(mac) } as const;
  }
}
