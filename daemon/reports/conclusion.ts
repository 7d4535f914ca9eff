/** Where a frame to a MAC address goes now, and why, in one sentence. All functions here are pure. */
import type { ExplainedClaim } from '../../control/records/claim-view.ts';
import type { InstalledClaim, TableEntry } from '../../dataplane/commands.ts';
import type { UnknownUnicast } from '../config/config.ts';
import { contestOf, whyOf } from './claim-words.ts';

export interface FrameFacts {
  /** This node. */
  readonly self: string;
  /** What the forwarding table has. */
  readonly entry: Pick<TableEntry, 'origin' | 'vtep'> | undefined;
  readonly claims: readonly ExplainedClaim[];
  /** What the dataplane was told of claims. */
  readonly installed: Pick<InstalledClaim, 'vtep' | 'state'> | undefined;
  /** The container that has it on this node, by its record. */
  readonly endpoint: { readonly ifname: string; readonly netns: { readonly name: string } } | undefined;
  readonly unknownUnicast: UnknownUnicast;
}

export function conclusionOf(facts: FrameFacts): string {
  const { entry } = facts;
  if (entry === undefined) return whenUnknown(facts);
  switch (entry.origin) {
    case 'attached':
      return whenAttached(facts);
    case 'gossip':
      return whenClaimed(facts, entry.vtep);
    case 'learned':
      return `Frames to it go to ${placeOf(entry)}, because its last frame came from there; ${whyNoClaim(facts)}.`;
    case 'static':
      return `Frames to it go to ${placeOf(entry)}, because it is configured so.`;
  }
}

const UNKNOWN: Readonly<Record<UnknownUnicast, string>> = {
  auto: 'go to containers here and to those VTEPs alone that do not tell what they have, and are dropped where there are none (unknown_unicast: auto)',
  drop: 'are dropped (unknown_unicast: drop)',
  flood: 'go to every VTEP of the network (unknown_unicast: flood)',
};

function whenUnknown(facts: FrameFacts): string {
  return `There is no entry: ${whyNoClaim(facts)}; frames to it ${UNKNOWN[facts.unknownUnicast]}.`;
}

function whenAttached({ self, claims, endpoint }: FrameFacts): string {
  const explained = claims.find(({ standing }) => standing === 'winner');
  const here = `Frames to it go to ${containerOf(endpoint)} on this node, because it is attached here`;
  const winner = explained?.claim.origin;
  if (explained === undefined || winner === self) return `${here}.`;
  return `${here}; but other nodes send them to ${winner}, whose claim wins: ${whyOf(explained, contestOf(claims))}.`;
}

function whenClaimed({ claims, self }: FrameFacts, vtep: string | null): string {
  const contest = contestOf(claims);
  const { winner } = contest;
  const explained = claims.find(({ standing }) => standing === 'winner');
  if (winner === undefined || explained === undefined)
    return `Frames to it still go to VTEP ${vtep}, by a claim that nobody makes any more; the entry is about to go.`;
  if (winner.vtep.address === vtep && winner.origin !== self)
    return `Frames to it go to ${winner.origin} at VTEP ${vtep}, whose claim wins: ${whyOf(explained, contest)}.`;
  return `Frames to it still go to VTEP ${vtep}, by an earlier claim; ${winner.origin} has it now, and the entry is about to follow.`;
}

function containerOf(endpoint: FrameFacts['endpoint']): string {
  return endpoint === undefined ? 'a container' : `${endpoint.ifname} of ${endpoint.netns.name}`;
}

function placeOf({ vtep }: { readonly vtep: string | null }): string {
  return vtep === null ? 'a port of this node' : `VTEP ${vtep}`;
}

/** Why no claim is what the dataplane goes by. */
function whyNoClaim({ self, claims, installed, endpoint }: FrameFacts): string {
  const { winner } = contestOf(claims);
  if (winner?.origin === self || (winner === undefined && endpoint !== undefined))
    return `${containerOf(endpoint)} of this node is on record with it, but is not served`;
  if (winner !== undefined)
    return `${winner.origin} claims it, but ${whyNotUsed(winner.vtep.address, installed)}`;
  const byStanding = (standing: ExplainedClaim['standing']) =>
    claims.filter(claim => claim.standing === standing).map(({ claim }) => claim.origin);
  const [parked, hidden, deleted] = [byStanding('parked'), byStanding('hidden'), byStanding('deleted')];
  if (parked.length > 0) return `${parked.join(' and ')} claimed it without telling a VTEP yet`;
  if (hidden.length > 0) return `${hidden.join(' and ')} had it, and is not there now`;
  if (deleted.length > 0) return `${deleted.join(' and ')} had it, and took it back`;
  return 'no node claims it';
}

function whyNotUsed(vtep: string, installed: FrameFacts['installed']): string {
  if (installed === undefined || installed.vtep !== vtep) return 'the dataplane was not told of that yet';
  switch (installed.state) {
    case 'vtep_unknown':
      return `no VTEP ${vtep} carries the network, by what gossip says`;
    case 'missing':
      return 'its entry is missing, which the next audit mends';
    case 'attached_here':
    case 'used':
      return 'its entry is just being changed';
  }
}
