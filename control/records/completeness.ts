/**
 * Which origins have told all that they have: of those alone does silence mean something. An origin tells of a network as long as
 * it is shown and carries it, once its log of the life that its tags tell of was here as far as anybody knew it. News that is under way
 * later takes nothing away from that, for there always may be some.
 */
import type { Vni } from '../../dataplane/address.ts';
import type { Epoch } from './epoch.ts';
import type { Peers } from './peers.ts';
import { NO_KEY, RECORD_KIND, recordId } from './record.ts';
import type { RecordStore } from './store.ts';

const NETWORK_RECORD = recordId({ kind: RECORD_KIND.network, key: NO_KEY });

export interface CompletenessModules {
  readonly peers: Peers;
  readonly store: RecordStore;
}

export interface CompletenessOptions {
  readonly isShown: (vni: Vni, origin: string) => boolean;
  readonly onChange: (vni: Vni, origin: string, tells: boolean) => void;
}

export class Completeness {
  private readonly modules: CompletenessModules;
  private readonly options: CompletenessOptions;
  private readonly complete = new Map<Vni, Map<string, Epoch>>();

  constructor(modules: CompletenessModules, options: CompletenessOptions) {
    this.modules = modules;
    this.options = options;
  }

  tells(vni: Vni, origin: string): boolean {
    return this.complete.get(vni)?.has(origin) ?? false;
  }

  /** To be called when a log has grown or gone, when it ceases to be shown, and when membership says something new of its origin. */
  judge(vni: Vni, origin: string): void {
    const origins = this.complete.get(vni) ?? new Map<string, Epoch>();
    const epoch = this.completeEpoch(vni, origin, origins.get(origin));
    const changes = (epoch === undefined) === origins.has(origin);
    if (epoch === undefined) origins.delete(origin);
    else origins.set(origin, epoch);
    this.complete.set(vni, origins);
    if (changes) this.options.onChange(vni, origin, epoch !== undefined);
  }

  /** We have left a network. */
  close(vni: Vni): void {
    this.complete.delete(vni);
  }

  private completeEpoch(vni: Vni, origin: string, known: Epoch | undefined): Epoch | undefined {
    const peer = this.modules.peers.find(origin);
    const log = this.modules.store.log(vni, origin);
    if (peer === undefined || log === undefined || !this.options.isShown(vni, origin)) return undefined;
    if (log.epoch !== peer.epoch || !peer.vnis.has(vni)) return undefined;
    if (log.find(NETWORK_RECORD)?.deleted !== false) return undefined;
    return log.epoch === known || log.seq >= log.head ? log.epoch : undefined;
  }
}
