/** The answers of a running node: counters, tables, members and claims in the shapes of operations.ts. */
import type { Gossip } from '../control/gossip.ts';
import { formatMac, parseMac, type Vni } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import type { DataplaneCounters, TableEntry } from '../dataplane/commands.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { WeftError } from '../dataplane/errors.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import { type DnsSource, NO_DNS } from './dns/dns-source.ts';
import type { DoctorOperations } from './doctor/doctor-operations.ts';
import type { Endpoint } from './endpoints/endpoint.ts';
import type { Endpoints } from './endpoints/endpoints.ts';
import type { CarriedNetwork } from './networks/carried-network.ts';
import { noNetwork } from './networks/no-network.ts';
import type {
  AttachRequest,
  EndpointReport,
  ExplainReport,
  FdbReport,
  NetworkSummary,
  NodeOperations,
  StatusReport,
} from './operations.ts';
import { version } from './package-info.ts';
import {
  claimBy,
  localEndpoint,
  NO_RECORDS,
  type RecordSource,
  remoteEndpoints,
} from './records/record-views.ts';
import { releaseAddress } from './records/release.ts';
import { dropRows, dropTotals } from './reports/drop-reports.ts';
import { entryReport, explainNetwork } from './reports/explain-report.ts';
import { seconds } from './reports/seconds.ts';
import type { TunnelSender } from './sender/tunnel-sender.ts';
import type { StateWatch } from './state-watch.ts';
import { peerReport } from './vtep-directory.ts';

export interface NodeParts {
  readonly clock: Clock;
  readonly name: string;
  readonly underlay: string;
  readonly dataplane: Pick<Dataplane, 'run' | 'workerCount'>;
  readonly gossip: Pick<Gossip, 'members' | 'counters' | 'changeKeys' | 'report'>;
  readonly endpoints: Pick<Endpoints, 'all' | 'ofNetwork' | 'detach' | 'isSuspended'>;
  /** Takes `auto` for an address. */
  readonly attach: (request: AttachRequest) => Promise<Endpoint>;
  /** Those that this VM carries. */
  readonly networks: () => readonly ReportedNetwork[];
  readonly offloads: Pick<OffloadStates, 'report'>;
  readonly sender: Pick<TunnelSender, 'report'>;
  readonly state: Pick<StateWatch, 'report'>;
  /** Without it, names are answered to nobody. */
  readonly dns?: DnsSource;
  /** What other nodes claim. Without it, the answers hold what this node knows by itself. */
  readonly records?: RecordSource;
}

/** What is told of a network. */
type ReportedNetwork = Pick<CarriedNetwork, 'name' | 'config' | 'mtu' | 'vteps'>;

export function nodeOperations(
  parts: NodeParts,
): Omit<
  NodeOperations,
  'networks' | 'createNetwork' | 'removeNetwork' | 'ipam' | 'forget' | 'metrics' | keyof DoctorOperations
> {
  const {
    clock,
    dataplane,
    gossip,
    endpoints,
    networks,
    offloads,
    sender,
    records = NO_RECORDS,
    dns = NO_DNS,
  } = parts;
  const self = parts.name;
  const startedAt = clock.now();
  const networkName = (vni: number | null): string | null =>
    networks().find(({ config }) => config.vni === vni)?.name ?? null;

  const summary = ({ name, config, mtu }: ReportedNetwork): NetworkSummary => ({
    name,
    vni: config.vni,
    mtu,
    endpoints: endpoints.ofNetwork(name).length,
  });

  const peers = () =>
    gossip
      .members()
      .filter(member => member.name !== self)
      .map(member => peerReport(member, clock.now()));

  /** `attachedMs`: for one that was not announced, how long the dataplane has it. */
  const endpointReport = (endpoint: Endpoint, attachedMs?: number): EndpointReport => {
    const claim = claimBy(self, records.explain(endpoint.vni as Vni, parseMac(endpoint.mac)));
    return localEndpoint(endpoint, {
      owner: self,
      claim,
      attachedMs,
      isSuspended: endpoints.isSuspended(endpoint),
      resolver: dns.stateOf(endpoint),
      now: clock.now(),
    });
  };

  return {
    async status() {
      const counters = await dataplane.run('readCounters', {});
      const states = peers().map(peer => peer.state);
      const count = (state: string) => states.filter(other => other === state).length;
      const { healthScore, isEncrypted } = gossip.report();
      return {
        node: {
          name: self,
          underlay: parts.underlay,
          version,
          uptime_s: seconds(clock.now() - startedAt),
        },
        networks: networks().map(summary),
        peers: { alive: count('alive'), suspect: count('suspect'), dead: count('dead') },
        gossip: { health_score: healthScore, encrypted: isEncrypted },
        claims: await records.report(),
        dns: dns.report(),
        state: parts.state.report(),
        dataplane: {
          ...dataplaneReport(counters, dataplane.workerCount),
          offloads: offloads.report(),
          ...sender.report(),
        },
      };
    },

    async peers() {
      return peers();
    },

    async fdb() {
      const entries = await dataplane.run('readTable', {});
      return entries.map((entry): FdbReport => {
        const { vni, mac } = entry;
        return { network: networkName(vni) ?? String(vni), vni, mac: formatMac(mac), ...entryReport(entry) };
      });
    },

    async endpoints() {
      const ages = attachedAges(await dataplane.run('readTable', {}));
      const remote = networks().flatMap(({ name, config }) =>
        remoteEndpoints({ name, self }, records.owners(config.vni), clock.now()),
      );
      const local = endpoints.all().map(endpoint => endpointReport(endpoint, ages.get(keyOf(endpoint))));
      return [...local, ...remote];
    },

    async drops() {
      const counters = await dataplane.run('readCounters', {});
      const others = { gossip: gossip.counters().drops, records: records.drops(), dns: dns.drops() };
      return dropRows(counters, others, networkName);
    },

    async attach(request) {
      return endpointReport(await parts.attach(request));
    },

    detach: request => endpoints.detach(request),

    async explain({ mac, network: name }): Promise<ExplainReport> {
      const asked = name === undefined ? networks() : [networkNamed(name, networks())];
      const address = parseMac(mac);
      const [table, installed] = await Promise.all([
        dataplane.run('readTable', {}),
        dataplane.run('readClaims', {}),
      ]);
      const isAsked = (entry: { readonly vni: number; readonly mac: number }, vni: number) =>
        entry.vni === vni && entry.mac === address;
      const known = asked.flatMap(({ name: network, config: { vni, unknownUnicast } }) => {
        const explained = explainNetwork({
          self,
          network: { name: network, vni, unknownUnicast },
          entry: table.find(entry => isAsked(entry, vni)),
          explanation: records.explain(vni, address),
          installed: installed.find(claim => isAsked(claim, vni)),
          endpoint: endpoints.ofNetwork(network).find(endpoint => endpoint.mac === mac),
          now: clock.now(),
        });
        return explained === undefined ? [] : [explained];
      });
      if (known.length > 0) return { mac, networks: known };
      throw new WeftError(
        'not_found',
        `nothing is known of ${mac} in ${name ?? 'any network of this node'}`,
        {
          hint: 'compare it with weft endpoints; one that weft was not told of is known after its first frame: ping from it',
        },
      );
    },

    async resolve({ name }) {
      return dns.resolve(
        name,
        networks().map(({ name: network, config }) => ({ name: network, vni: config.vni })),
      );
    },

    async release({ mac, network: name }) {
      const { config } = networkNamed(name, networks());
      const address = { network: name, vni: config.vni, mac: parseMac(mac) };
      return { released: releaseAddress({ records, self }, address) };
    },

    async gossipKeys({ operation, key }) {
      const answers = await gossip.changeKeys(operation, key);
      return {
        nodes: answers.map(({ node, ok, message, keys, primary }) => ({
          name: node,
          ok,
          message: ok ? null : message,
          primary: primary ?? null,
          keys,
        })),
      };
    },
  };
}

/** Throws `not_found`. */
function networkNamed(name: string, networks: readonly ReportedNetwork[]): ReportedNetwork {
  const network = networks.find(candidate => candidate.name === name);
  if (network !== undefined) return network;
  throw noNetwork(
    name,
    networks.map(candidate => candidate.name),
  );
}

/** How long the dataplane has each attachment, in milliseconds. */
function attachedAges(table: readonly TableEntry[]): ReadonlyMap<string, number> {
  const attached = table.filter(({ origin }) => origin === 'attached');
  return new Map(attached.map(({ vni, mac, ageMs }) => [keyOf({ vni, mac: formatMac(mac) }), ageMs]));
}

function keyOf({ vni, mac }: { readonly vni: number; readonly mac: string }): string {
  return `${vni} ${mac}`;
}

function dataplaneReport(
  counters: DataplaneCounters,
  workers: number,
): Omit<StatusReport['dataplane'], 'offloads' | 'sender' | 'paths'> {
  const { underlay } = counters;
  return {
    workers,
    rx_packets: underlay.rxFrames,
    tx_packets: underlay.txSegments,
    rx_bytes: underlay.rxBytes,
    tx_bytes: underlay.txBytes,
    rx_messages: underlay.rxMessages,
    tx_sends: underlay.txBatches,
    drops: dropTotals(counters),
  };
}
