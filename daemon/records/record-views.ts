/** What the reports of a node take from its record log: the interface, and claims in the shapes of operations.ts. */
import type { Claim, PlacedClaim } from '../../control/records/claim.ts';
import type { Explanation } from '../../control/records/explain.ts';
import type { RecordCounterReport } from '../../control/records/record-counters.ts';
import type { RecordLog, RecordLogReport } from '../../control/records/record-log.ts';
import { formatMac } from '../../dataplane/address.ts';
import type { InstalledClaim } from '../../dataplane/commands.ts';
import type { ResolverState } from '../dns/dns-reports.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { ClaimsReport, EndpointReport, UsableReport } from '../operations.ts';
import { bandwidthReport, portReport } from '../reports/endpoint-parts.ts';
import { seconds } from '../reports/seconds.ts';
import type { ReconcilerReport } from './reconciler.ts';
import { UsableHistogram } from './usable-histogram.ts';

/** Claims, and what became of them. Times are those of the clock that the reports use. */
export interface RecordSource extends Pick<RecordLog, 'owners' | 'explain' | 'release'> {
  /** For `claims` of the status. */
  report(): ClaimsReport | Promise<ClaimsReport>;
  /** What the record log did not take, by reason. */
  drops(): RecordCounterReport['drops'];
  /** What the record log and those around it count; undefined: there is none. */
  figures(): RecordFigures | undefined;
}

export interface RecordFigures {
  readonly log: RecordLogReport;
  readonly reconciler: ReconcilerReport;
  readonly usable: UsableReport;
  /** All samples of it together, in milliseconds. */
  readonly usableSumMs: number;
}

/** Of a node that hears of no claims. */
export const NO_RECORDS: RecordSource = {
  owners: () => [],
  explain: () => ({ claims: [], moves: 0 }),
  release: () => false,
  drops: () => ({}),
  figures: () => undefined,
  report: () => ({
    installed: 0,
    waiting: 0,
    repaired: 0,
    audits: 0,
    usable_ms: new UsableHistogram().report(),
  }),
};

/**
 * How many claims the dataplane uses, and how many it should and does not: `installed` are all that it was told of,
 * `wanted` how many there are of other nodes. Those that an attachment here covers are neither.
 */
export function countClaims(
  installed: readonly Pick<InstalledClaim, 'state'>[],
  wanted: number,
): Pick<ClaimsReport, 'installed' | 'waiting'> {
  const inState = (state: InstalledClaim['state']) => installed.filter(claim => claim.state === state).length;
  const used = inState('used');
  return { installed: used, waiting: Math.max(0, wanted - used - inState('attached_here')) };
}

/** What the node `origin` says of an address now; undefined: nothing, or that it does not have it any more. */
export function claimBy(origin: string, { claims }: Explanation): Claim | undefined {
  return claims.find(({ claim }) => claim.origin === origin && !claim.deleted)?.claim;
}

export interface LocalEndpointFacts {
  /** This node. */
  readonly owner: string;
  /** What this node says of it; undefined: it was not announced. */
  readonly claim: Claim | undefined;
  /** Milliseconds since the dataplane has it, where nothing was announced; undefined: it has it not, or was not asked. */
  readonly attachedMs: number | undefined;
  readonly isSuspended: boolean;
  /** Whether names are answered in its namespace. */
  readonly resolver: ResolverState;
  readonly now: number;
}

export function localEndpoint(endpoint: Endpoint, facts: LocalEndpointFacts): EndpointReport {
  const { network, vni, netns, ifname, mac, addresses, mtu, attach } = endpoint;
  const { owner, claim, now } = facts;
  const ageMs = claim === undefined ? facts.attachedMs : now - claim.since;
  return {
    network,
    vni,
    where: 'local',
    owner,
    vtep: null,
    netns: netns.name,
    ifname,
    mac: attach === 'host' ? null : mac,
    addresses,
    mtu,
    attach,
    ports: (endpoint.ports ?? []).map(portReport),
    bandwidth: bandwidthReport(endpoint.bandwidth),
    age_s: ageMs === undefined ? null : seconds(ageMs),
    mobility: claim?.mobility ?? null,
    frozen: claim?.frozen ?? false,
    sticky: claim?.sticky ?? false,
    suspended: facts.isSuspended,
    container: claim?.containerId || null,
    names: endpoint.names ?? [],
    resolver: facts.resolver,
  };
}

function remoteEndpoint(network: string, claim: PlacedClaim, now: number): EndpointReport {
  return {
    network,
    vni: claim.vni,
    where: 'remote',
    owner: claim.origin,
    vtep: claim.vtep.address,
    netns: null,
    ifname: claim.interface,
    mac: formatMac(claim.mac),
    addresses: claim.ips,
    mtu: null,
    attach: null,
    ports: [],
    bandwidth: null,
    age_s: seconds(now - claim.since),
    mobility: claim.mobility,
    frozen: claim.frozen,
    sticky: claim.sticky,
    suspended: false,
    container: claim.containerId || null,
    names: claim.names ?? [],
    resolver: null,
  };
}

/** What the other nodes have in a network, by node and address. */
export function remoteEndpoints(
  network: { readonly name: string; readonly self: string },
  owners: Iterable<PlacedClaim>,
  now: number,
): EndpointReport[] {
  return [...owners]
    .filter(({ origin }) => origin !== network.self)
    .toSorted((a, b) => (a.origin === b.origin ? a.mac - b.mac : a.origin < b.origin ? -1 : 1))
    .map(claim => remoteEndpoint(network.name, claim, now));
}
