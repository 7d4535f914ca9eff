/**
 * The networks of this node as the pool sees them: tags tell which of them it carries, and each VTEP that carries one of
 * them too is made known to the dataplane.
 */
import type { GossipMember } from '../../control/events.ts';
import { type Tags, weftTags } from '../../control/tags.ts';
import type { Vni, VtepAddress } from '../../dataplane/address.ts';
import type { VtepSpec } from '../../dataplane/commands.ts';
import { errorFields, type Log } from '../log.ts';
import type { RecordService } from '../records/record-service.ts';
import { vtepsOf } from '../vtep-directory.ts';
import type { CarriedNetwork } from './carried-network.ts';
import type { NetworkSet } from './network-set.ts';

export interface SharingModules {
  readonly log: Log;
  readonly set: NetworkSet;
  readonly records: RecordService;
  readonly gossip: { members(): readonly GossipMember[]; setTags(tags: Tags): void };
  /** Adds VTEPs that an earlier process knew, and that have not been heard of since. */
  readonly withRemembered: (vni: Vni, vteps: readonly VtepSpec[]) => readonly VtepSpec[];
  /** What other nodes claim, brought to the dataplane. */
  readonly flushClaims: () => Promise<void>;
  readonly vtepsChanged: () => void;
}

export interface SharingOptions {
  readonly name: string;
  readonly underlay: VtepAddress;
  readonly port: number;
  /** Carried from the beginning: told of before they are made. */
  readonly planned: readonly CarriedNetwork[];
}

export class NetworkSharing {
  private readonly modules: SharingModules;
  private readonly options: SharingOptions;
  /** Before it, membership is noted by gossip but not yet told to the dataplane, whose networks are still being made. */
  private serving = false;
  private stopped = false;

  constructor(modules: SharingModules, options: SharingOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** All networks have been made. */
  async begin(): Promise<void> {
    this.serving = true;
    await this.applyMembers();
  }

  stop(): void {
    this.stopped = true;
  }

  tags(carried = this.serving ? this.modules.set.all() : this.options.planned): Tags {
    const { underlay, port } = this.options;
    return this.modules.records.tagged(
      weftTags({ vtep: underlay, port, vnis: carried.map(({ vni }) => vni) }),
    );
  }

  retag(): void {
    this.modules.gossip.setTags(this.tags());
  }

  membersChanged(): void {
    if (!this.serving || this.stopped) return;
    const { log } = this.modules;
    this.applyMembers().catch(error =>
      log.error(errorFields(error), 'cannot tell the dataplane of a member'),
    );
  }

  /** A network that was made by command: the first container of it is about to be attached. */
  async onCarried({ vni, isOverlay }: CarriedNetwork): Promise<void> {
    const { gossip, records, set } = this.modules;
    gossip.setTags(this.tags(set.all()));
    if (!isOverlay) return;
    records.carry(vni);
    await this.applyMembers();
  }

  async onDropping(network: CarriedNetwork): Promise<void> {
    const { flushClaims, gossip, records, set } = this.modules;
    gossip.setTags(this.tags(set.all().filter(other => other !== network)));
    if (!network.isOverlay) return;
    records.records.leave(network.vni);
    await flushClaims();
  }

  /** As {@link OverlayNetwork.auditVteps}, for all networks. */
  async auditVteps(): Promise<number> {
    const { log, set } = this.modules;
    let wrong = 0;
    for (const network of this.serving ? set.overlays() : []) {
      wrong += await network.auditVteps().catch(error => {
        // It was let go of meanwhile.
        if (set.find(network.name) !== network) return 0;
        throw error;
      });
    }
    if (wrong > 0) log.warn({ component: 'dataplane', count: wrong }, 'VTEPs in the dataplane were mended');
    return wrong;
  }

  private async applyMembers(): Promise<void> {
    const { flushClaims, gossip, records, set, vtepsChanged, withRemembered } = this.modules;
    const { name, underlay } = this.options;
    // Whoever is known to tell what he has, has to be known by it first.
    await flushClaims();
    for (const network of set.overlays()) {
      if (set.find(network.name) !== network) continue;
      const { vni } = network;
      const log = records.networkLog(vni);
      const heard = vtepsOf(vni, gossip.members(), { name, underlay }, log);
      await network.setGossipedVteps(withRemembered(vni, heard));
    }
    vtepsChanged();
  }
}
