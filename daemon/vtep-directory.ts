/** From gossip to the dataplane: which VTEPs carry a VNI, by what the members of the pool say of themselves, in their tags and in their record logs. */
import type { GossipMember } from '../control/events.ts';
import { parseWeftTags, type WeftTags } from '../control/tags.ts';
import { ipFamily, type VtepAddress } from '../dataplane/address.ts';
import type { VtepSpec } from '../dataplane/commands.ts';
import { WeftError } from '../dataplane/errors.ts';
import { nonUnicast } from './cidr.ts';
import type { PeerReport } from './operations.ts';
import { seconds } from './reports/seconds.ts';

/** What the record log has of a network. */
export interface NetworkLog {
  /** Whether a node says that it carries it. */
  carries(origin: string): boolean;
  /** Whether all that a node has in it is known. */
  tells(origin: string): boolean;
}

/**
 * The VTEPs that carry `vni` now. A suspect member still does: suspicion is a question, and cutting its traffic would
 * answer it. What a member says of itself is not believed blindly: an address that no VTEP of this underlay can have
 * (another family, multicast, our own) is left out.
 */
export function vtepsOf(
  vni: number,
  members: readonly GossipMember[],
  own: { readonly name: string; readonly underlay: VtepAddress },
  log: NetworkLog,
): VtepSpec[] {
  const vteps: VtepSpec[] = [];
  for (const { name, state, tags } of members) {
    if (name === own.name || (state !== 'alive' && state !== 'suspect')) continue;
    const weft = tagsOf(tags);
    if (weft === undefined) continue;
    // Tags take a round of gossip: who has just begun to carry a network has said so in its log before.
    if (!weft.vnis.some(carried => carried === vni) && !log.carries(name)) continue;
    if (!canBePeer(weft.vtep, own.underlay)) continue;
    vteps.push({ address: weft.vtep, port: weft.port, tells: log.tells(name) });
  }
  return vteps;
}

function canBePeer(vtep: VtepAddress, own: VtepAddress): boolean {
  return vtep !== own && ipFamily(vtep) === ipFamily(own) && nonUnicast(vtep) === undefined;
}

/** A member as operators see it; members that are no weft nodes (a serf agent) carry no VNI. */
export function peerReport(member: GossipMember, now: number): PeerReport {
  const weft = tagsOf(member.tags);
  return {
    name: member.name,
    address: weft?.vtep ?? member.address,
    state: member.state,
    vnis: weft === undefined ? [] : weft.vnis,
    last_seen_s: sinceOf(member.lastSeen, now),
    incarnation: member.incarnation,
    health: member.contact.health,
    rtt_ms: member.contact.rtt === null ? null : Math.round(100 * member.contact.rtt) / 100,
    last_two_way_s: sinceOf(member.contact.lastTwoWay, now),
  };
}

function sinceOf(time: number | null, now: number): number | null {
  return time === null ? null : seconds(now - time);
}

/** What a member says of its VTEP; undefined for one that is no weft node, or says it in a way we do not understand. */
function tagsOf(tags: GossipMember['tags']): WeftTags | undefined {
  try {
    return parseWeftTags(tags);
  } catch (error) {
    if (error instanceof WeftError) return undefined;
    throw error;
  }
}
