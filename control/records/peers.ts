/** Who has a record log, which networks he carries, and which life of his it is: from the tags of the members. */
import type { Vni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Endpoint } from '../endpoint.ts';
import type { GossipMember, MemberEvent } from '../events.ts';
import { isUp } from '../members.ts';
import { parseWeftTags, type Tags } from '../tags.ts';
import { POOL_SCOPE } from './board.ts';
import { type Epoch, formatEpoch, parseEpoch } from './epoch.ts';
import { RECORDS_VERSION } from './limits.ts';

export interface RecordPeer {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** NO_EPOCH if his tags do not say. */
  readonly epoch: Epoch;
  /** What he carries, the scope of the whole pool included. */
  readonly vnis: ReadonlySet<Vni>;
}

/** Peers that are up and have a record log. */
export interface Peers {
  find(name: string): RecordPeer | undefined;
  /** Who carries a network, by his tags; we may be among them. */
  carriers(vni: Vni): readonly RecordPeer[];
}

const TAG = 'log';

/** The tag that tells others that we have a record log of this version, and the epoch of it. */
export function recordTag(epoch: Epoch): readonly [string, string] {
  return [TAG, `${RECORDS_VERSION}.${formatEpoch(epoch)}`];
}

/** The epoch of a peer with a record log of our version; undefined if it has none: a serf agent, an older weft. */
export function parseRecordTag(tags: Tags): Epoch | undefined {
  const [version, epoch, ...rest] = (tags.get(TAG) ?? '').split('.');
  return version === String(RECORDS_VERSION) && rest.length === 0 ? parseEpoch(epoch ?? '') : undefined;
}

export class PeerTable implements Peers {
  private readonly byName = new Map<string, RecordPeer>();
  private readonly byVni = new Map<Vni, RecordPeer[]>();

  find(name: string): RecordPeer | undefined {
    return this.byName.get(name);
  }

  carriers(vni: Vni): readonly RecordPeer[] {
    return this.byVni.get(vni) ?? [];
  }

  /** Follows membership. Tell the record log of the same event afterwards. */
  take({ member }: MemberEvent): void {
    this.remove(member.name);
    const peer = isUp(member.state) ? peerOf(member) : undefined;
    if (peer !== undefined) this.add(peer);
  }

  add(peer: RecordPeer): void {
    this.byName.set(peer.name, peer);
    for (const vni of peer.vnis) {
      const carriers = this.byVni.get(vni);
      if (carriers === undefined) this.byVni.set(vni, [peer]);
      else carriers.push(peer);
    }
  }

  private remove(name: string): void {
    const known = this.byName.get(name);
    if (known === undefined) return;
    this.byName.delete(name);
    for (const vni of known.vnis) {
      const left = this.carriers(vni).filter(peer => peer !== known);
      if (left.length === 0) this.byVni.delete(vni);
      else this.byVni.set(vni, left);
    }
  }
}

function peerOf({ name, address, port, tags }: GossipMember): RecordPeer | undefined {
  if (!told.has(tags)) told.set(tags, toldBy(tags));
  const known = told.get(tags);
  return known && { name, endpoint: { address, port }, ...known };
}

/** Members change their state far more often than their tags. */
const told = new WeakMap<Tags, Pick<RecordPeer, 'epoch' | 'vnis'> | undefined>();

function toldBy(tags: Tags): Pick<RecordPeer, 'epoch' | 'vnis'> | undefined {
  try {
    const weft = parseWeftTags(tags);
    const epoch = parseRecordTag(tags);
    if (weft === undefined || epoch === undefined) return undefined;
    return { epoch, vnis: new Set([POOL_SCOPE, ...weft.vnis]) };
  } catch (error) {
    if (error instanceof WeftError) return undefined;
    throw error;
  }
}
