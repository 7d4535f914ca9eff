/** From gossip to the dataplane: which VTEPs carry a VNI, by what the members of the pool say of themselves. */
import type { GossipMember } from '../control/events.ts';
import { parseWeftTags, type WeftTags } from '../control/tags.ts';
import { ipFamily, type VtepAddress } from '../dataplane/address.ts';
import type { VtepSpec } from '../dataplane/commands.ts';
import { WeftError } from '../dataplane/errors.ts';
import { nonUnicast } from './cidr.ts';
import type { PeerReport } from './operations.ts';
import { seconds } from './reports/seconds.ts';

/**
 * The VTEPs that carry `vni` now. A suspect member still does: suspicion is a question, and cutting its traffic would
 * answer it. What a member says of itself is not believed blindly: an address that no VTEP of this underlay can have
 * (another family, multicast, our own) is left out. `tells`: whether all that a member has in this network is known (the record log).
 */
export function vtepsOf(
  vni: number,
  members: readonly GossipMember[],
  own: { readonly name: string; readonly underlay: VtepAddress },
  tells: (origin: string) => boolean,
): VtepSpec[] {
  const vteps: VtepSpec[] = [];
  for (const { name, state, tags } of members) {
    if (name === own.name || (state !== 'alive' && state !== 'suspect')) continue;
    const weft = tagsOf(tags);
    if (weft === undefined || !weft.vnis.some(carried => carried === vni)) continue;
    if (!canBePeer(weft.vtep, own.underlay)) continue;
    vteps.push({ address: weft.vtep, port: weft.port, tells: tells(name) });
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
