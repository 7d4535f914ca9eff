/** What a running node offers: its operations, and what container runtimes ask of it. */
import type { Gossip } from '../control/gossip.ts';
import { systemRandom } from '../control/random.ts';
import { systemClock } from '../dataplane/clock.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { batchIo } from '../dataplane/native/batch-io.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import { CniOperations } from './cni/cni-operations.ts';
import type { Config } from './config/config.ts';
import type { DnsService } from './dns/dns-service.ts';
import { dnsSource } from './dns/dns-source.ts';
import { DockerEndpoints } from './docker/docker-endpoints.ts';
import { DockerIpam } from './docker/docker-ipam.ts';
import { DockerNetworks } from './docker/docker-networks.ts';
import { DockerPlugin } from './docker/docker-plugin.ts';
import { DockerStore } from './docker/docker-store.ts';
import type { PathService } from './doctor/path/path-service.ts';
import { selfReport } from './doctor/self-report.ts';
import type { DriftGuard } from './drift/drift-guard.ts';
import type { Endpoints } from './endpoints/endpoints.ts';
import { type EndpointAddresses, ManagedAttach } from './endpoints/managed-attach.ts';
import type { BridgedFrames } from './firewall/bridged-frames.ts';
import type { Firewall } from './firewall/firewall.ts';
import type { Log, LogCounts } from './log.ts';
import { LoopDelayWindow } from './metrics/loop-delay-window.ts';
import { NodeMetrics } from './metrics/node-metrics.ts';
import type { Carrier } from './networks/carrier.ts';
import type { ConfiguredNetworks } from './networks/configured-networks.ts';
import { type NetworkOperations, networkOperations } from './networks/network-operations.ts';
import type { NetworkSet } from './networks/network-set.ts';
import type { PoolNetworks } from './networks/pool-networks.ts';
import { nodeOperations } from './node-operations.ts';
import type { RecordSource } from './records/record-views.ts';
import type { ConfigLoadReport } from './reload/config-loads.ts';
import type { RunningNode } from './running-node.ts';
import type { TunnelSender } from './sender/tunnel-sender.ts';
import type { StateWatch } from './state-watch.ts';

export interface NodeInterfaceParts {
  readonly log: Log;
  readonly logCounts: () => LogCounts;
  readonly configLoad: () => ConfigLoadReport;
  readonly configured: ConfiguredNetworks;
  readonly addresses: EndpointAddresses;
  readonly dataplane: Dataplane;
  readonly dns: DnsService;
  readonly drift: DriftGuard;
  readonly endpoints: Endpoints;
  readonly firewall: Pick<Firewall, 'recheck'>;
  readonly frames: Pick<BridgedFrames, 'allow'>;
  readonly gossip: Gossip;
  readonly offloads: OffloadStates;
  readonly sender: TunnelSender;
  readonly state: StateWatch;
  readonly records: RecordSource;
  readonly carrier: Carrier;
  readonly pool: PoolNetworks;
  readonly set: NetworkSet;
  readonly paths: PathService;
}

export interface NodeIdentity {
  readonly config: Config;
  readonly underlay: string;
}

export interface NodeInterfaces extends Pick<RunningNode, 'operations' | 'cni' | 'docker' | 'health'> {
  readonly plugin: DockerPlugin;
  /** Ends what runs for them alone. */
  release(): void;
}

export function nodeInterfaces(
  parts: NodeInterfaceParts,
  { config, underlay }: NodeIdentity,
): NodeInterfaces {
  const { name } = config.node;
  const { carrier, dataplane, dns, endpoints, gossip, log, paths, pool, set } = parts;
  const modules = { clock: systemClock, random: systemRandom };
  const attaching = new ManagedAttach({ endpoints, networks: carrier, addresses: parts.addresses });
  const attach = attaching.attach.bind(attaching);
  const settingsOf = dns.resolvers.settingsFor.bind(dns.resolvers);
  const cni = new CniOperations({ ...modules, log, endpoints, attach, networks: carrier, settingsOf });
  const networks = () => set.all();
  const names = dnsSource(dns);
  const ofNetworks = networkOperations(
    { ...modules, catalogue: pool.catalogue, pool, set, endpoints, gossip },
    { self: name, configured: () => parts.configured.all() },
  );
  const plugin = dockerPlugin(parts, ofNetworks, config);
  // It wakes the process fifty times a second, so only where somebody looks.
  const loopDelay = config.metrics.listen === undefined ? undefined : new LoopDelayWindow(systemClock);
  const metrics = new NodeMetrics(
    { ...parts, ...modules, dns: names, networks, ipam: ofNetworks.ipam, loopDelay },
    { name, underlay, ports: { vxlan: config.vxlan.port, gossip: config.gossip.port } },
  );
  return {
    cni: metrics.calls.measure(call => cni.call(call)),
    docker: (method, body) => plugin.handle(method, body),
    plugin,
    health: {
      // Every worker answers the first, and only between two batches of frames; the second goes by the threads on which links are made.
      prove: () => Promise.all([dataplane.run('readCounters', {}), batchIo.changeNet(null, [])]),
      summary: () => summaryOf(gossip.members(), set.all().length, endpoints.all().length),
    },
    operations: {
      ...nodeOperations({ ...parts, ...modules, name, underlay, attach, networks, dns: names }),
      ...ofNetworks,
      metrics: format => metrics.text(format),
      openPath: request => paths.openPath(request),
      sendProbes: request => paths.sendProbes(request),
      lookAtProbes: request => paths.lookAtProbes(request),
      self: async () =>
        selfReport({
          name,
          underlay,
          vxlanPort: config.vxlan.port,
          gossipPort: config.gossip.port,
          state: config.paths.state,
          networks,
          endpoints,
        }),
    },
    release: () => loopDelay?.stop(),
  };
}

/** Members but this node itself. */
export function summaryOf(
  members: readonly { readonly state: string }[],
  networks: number,
  endpoints: number,
): string {
  const known = members.filter(({ state }) => state !== 'left');
  const alive = known.filter(({ state }) => state === 'alive').length;
  return `${alive} of ${known.length} peers alive; ${networks} networks; ${endpoints} containers`;
}

function dockerPlugin(
  { carrier, endpoints, firewall, frames, log, pool }: NodeInterfaceParts,
  operations: NetworkOperations,
  { node, paths }: Config,
): DockerPlugin {
  const store = new DockerStore({ stateDirectory: paths.state });
  const modules = { clock: systemClock, log, store };
  const { catalogue, ipam, users } = pool;
  const letGo = (network: string) => carrier.letGo(network);
  const networks = new DockerNetworks({ ...modules, operations, catalogue, users, letGo, self: node.name });
  const attach = endpoints.attach.bind(endpoints);
  return new DockerPlugin({
    ...modules,
    networks,
    async onActivate() {
      await frames.allow();
      await firewall.recheck();
    },
    endpoints: new DockerEndpoints({ store, log, networks, carrier, endpoints, attach, nodeName: node.name }),
    ipam: new DockerIpam({ store, networks, ipam }),
  });
}
