/** All that is known of one MAC address in one network, from the forwarding table, the claims and the endpoints. Pure. */
import type { ExplainedClaim, Explanation } from '../../control/records/claim-view.ts';
import type { InstalledClaim, TableEntry } from '../../dataplane/commands.ts';
import type { UnknownUnicast } from '../config/config.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { ExplainedClaimReport, ExplainedNetwork, FdbReport } from '../operations.ts';
import { type Contest, contestOf, whyOf } from './claim-words.ts';
import { conclusionOf } from './conclusion.ts';
import { seconds } from './seconds.ts';

export interface MacFacts {
  /** This node. */
  readonly self: string;
  readonly network: { readonly name: string; readonly vni: number; readonly unknownUnicast: UnknownUnicast };
  /** What the forwarding table has. */
  readonly entry: TableEntry | undefined;
  readonly explanation: Explanation;
  /** What the dataplane was told of claims. */
  readonly installed: InstalledClaim | undefined;
  /** The container that has it on this node, by its record. */
  readonly endpoint: Endpoint | undefined;
  readonly now: number;
}

/** Undefined if nothing is known of it. */
export function explainNetwork(facts: MacFacts): ExplainedNetwork | undefined {
  const { self, network, entry, explanation, installed, endpoint } = facts;
  const { claims, moves } = explanation;
  const isUnknown = entry === undefined && installed === undefined && endpoint === undefined;
  if (isUnknown && claims.length === 0) return undefined;
  const contest = contestOf(claims);
  const told = toldClaim(claims, contest, installed);
  return {
    network: network.name,
    vni: network.vni,
    entry: entry === undefined ? null : entryReport(entry),
    claims: claims
      .toSorted(compareStandings)
      .map(explained =>
        claimReport(explained, contest, facts.now, explained === told ? installed?.state : undefined),
      ),
    contested_moves: moves,
    conclusion: conclusionOf({
      self,
      entry,
      claims,
      installed,
      endpoint,
      unknownUnicast: network.unknownUnicast,
    }),
  };
}

/** An entry as people see it. */
export function entryReport({
  vtep,
  origin,
  ageMs,
}: TableEntry): Pick<FdbReport, 'where' | 'vtep' | 'origin' | 'age_s'> {
  return { where: vtep === null ? 'local' : 'remote', vtep, origin, age_s: seconds(ageMs) };
}

function claimReport(
  explained: ExplainedClaim,
  contest: Contest,
  now: number,
  state: InstalledClaim['state'] | undefined,
): ExplainedClaimReport {
  const { claim, vtep, standing, rule } = explained;
  return {
    owner: claim.origin,
    vtep: vtep?.address ?? null,
    addresses: claim.ips,
    mobility: claim.mobility,
    sticky: claim.sticky,
    frozen: claim.frozen,
    standing,
    rule: rule ?? null,
    why: whyOf(explained, contest),
    since_s: seconds(now - claim.since),
    dataplane: state ?? null,
  };
}

/** The claim that the dataplane was told: it knows the VTEP of it, and no names. */
function toldClaim(
  claims: readonly ExplainedClaim[],
  { winner }: Contest,
  installed: InstalledClaim | undefined,
): ExplainedClaim | undefined {
  const there = claims.filter(({ vtep }) => vtep !== undefined && vtep.address === installed?.vtep);
  return there.find(({ claim }) => claim.origin === winner?.origin) ?? there[0];
}

const STANDINGS: readonly ExplainedClaim['standing'][] = [
  'winner',
  'outranked',
  'parked',
  'hidden',
  'deleted',
];

/** The winner first, then whoever comes nearest to it. */
function compareStandings(a: ExplainedClaim, b: ExplainedClaim): number {
  return (
    STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing) ||
    b.claim.mobility - a.claim.mobility ||
    (a.claim.origin < b.claim.origin ? -1 : 1)
  );
}
