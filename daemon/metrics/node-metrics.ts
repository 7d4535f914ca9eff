/**
 * The metrics of a running node. All is asked for when somebody wants to know, of those who count it anyway; only member events and
 * calls of the CNI plugin, which nobody else counts, are counted here.
 */
import type { MemberEventType } from '../../control/events.ts';
import type { Gossip } from '../../control/gossip.ts';
import type { Clock } from '../../dataplane/clock.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { OffloadStates } from '../../dataplane/offload-states.ts';
import type { DnsSource } from '../dns/dns-source.ts';
import type { DriftCounts } from '../drift/drift-counts.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';
import type { LogCounts } from '../log.ts';
import type { OverlayNetwork } from '../networks/overlay-network.ts';
import type { IpamReport } from '../operations.ts';
import { commit, version } from '../package-info.ts';
import type { RecordSource } from '../records/record-views.ts';
import type { ConfigLoadReport } from '../reload/config-loads.ts';
import type { TunnelSender } from '../sender/tunnel-sender.ts';
import type { StateWatch } from '../state-watch.ts';
import { peerReport } from '../vtep-directory.ts';
import { CniCallTimes } from './call-times.ts';
import { configSamples } from './config-samples.ts';
import { ipamSamples, networkSamples } from './container-samples.ts';
import { gossipSamples, recordSamples } from './control-samples.ts';
import { dataplaneSamples, offloadSamples, pathSamples } from './dataplane-samples.ts';
import { dnsSamples } from './dns-samples.ts';
import { logSamples } from './log-samples.ts';
import type { LoopDelayWindow } from './loop-delay-window.ts';
import type { MetricFormat } from './metric-format.ts';
import { processSamples } from './process-samples.ts';
import { type Sample, sample } from './samples.ts';
import { socketDrops } from './socket-drops.ts';
import { stateSamples } from './state-samples.ts';

export interface NodeMetricsModules {
  readonly clock: Clock;
  readonly dataplane: Pick<Dataplane, 'run' | 'workerCount'>;
  readonly gossip: Pick<Gossip, 'members' | 'counters' | 'report' | 'onEvent'>;
  readonly endpoints: Pick<Endpoints, 'ofNetwork' | 'isSuspended'>;
  readonly offloads: Pick<OffloadStates, 'report'>;
  readonly sender: Pick<TunnelSender, 'report'>;
  readonly state: Pick<StateWatch, 'report'>;
  readonly records: Pick<RecordSource, 'figures'>;
  readonly dns: Pick<DnsSource, 'report' | 'drops'>;
  /** Those that this node carries. */
  readonly networks: () => readonly Pick<OverlayNetwork, 'name' | 'config' | 'mtu' | 'vteps'>[];
  readonly ipam: () => Promise<readonly IpamReport[]>;
  readonly logCounts: () => LogCounts;
  readonly configLoad: () => ConfigLoadReport;
  readonly drift: { readonly counts: Pick<DriftCounts, 'all'> };
  readonly loopDelay?: LoopDelayWindow | undefined;
}

export interface NodeMetricsOptions {
  readonly name: string;
  readonly underlay: string;
  /** UDP ports. */
  readonly ports: { readonly vxlan: number; readonly gossip: number };
}

/** All kinds that there are, so that each is seen with 0 before the first one. */
const MEMBER_EVENTS: readonly MemberEventType[] = [
  'memberUp',
  'memberUpdated',
  'memberSuspect',
  'memberDown',
  'memberLeft',
  'memberReaped',
];

export class NodeMetrics {
  readonly calls: CniCallTimes;
  private readonly modules: NodeMetricsModules;
  private readonly options: NodeMetricsOptions;
  private readonly events = new Map<MemberEventType, number>(MEMBER_EVENTS.map(type => [type, 0]));

  constructor(modules: NodeMetricsModules, options: NodeMetricsOptions) {
    this.modules = modules;
    this.options = options;
    this.calls = new CniCallTimes(modules.clock);
    modules.gossip.onEvent(event => {
      if (event.type !== 'nameConflict') this.events.set(event.type, (this.events.get(event.type) ?? 0) + 1);
    });
  }

  async text(format: MetricFormat): Promise<string> {
    const { formatMetrics } = await import('./exposition.ts');
    return formatMetrics(await this.collect(), format);
  }

  async collect(): Promise<readonly Sample[]> {
    const { clock, dataplane, gossip, endpoints, offloads, sender, records } = this.modules;
    const { name, underlay, ports } = this.options;
    const begin = clock.now();
    const counters = await dataplane.run('readCounters', {});
    const answered = clock.now();
    const networks = this.modules.networks();
    const names = new Map<number, string>(networks.map(network => [network.config.vni, network.name]));
    const figures = records.figures();
    const [ipam, drops] = await Promise.all([this.modules.ipam(), socketDrops([ports.vxlan, ports.gossip])]);
    const peers = gossip
      .members()
      .filter(member => member.name !== name)
      .map(member => peerReport(member, clock.now()));
    const samples = [
      sample('weft_build_info', 1, { version, commit, runtime: process.version }),
      sample('weft_node_info', 1, { node: name, underlay }),
      ...processSamples(clock, this.modules.loopDelay),
      ...configSamples(this.modules.configLoad()),
      ...stateSamples(this.modules.state.report()),
      ...logSamples(this.modules.logCounts()),
      ...[...this.modules.drift.counts.all()].map(([object, count]) =>
        sample('weft_drift_repairs_total', count, { object }),
      ),
      sample('weft_dataplane_workers', dataplane.workerCount, {}),
      ...dataplaneSamples(counters, vni => names.get(vni)),
      ...offloadSamples(offloads.report()),
      ...pathSamples(sender.report().paths),
      sample('weft_socket_drops_total', drops.get(ports.vxlan) ?? 0, { socket: 'vxlan' }),
      sample('weft_socket_drops_total', drops.get(ports.gossip) ?? 0, { socket: 'gossip' }),
      ...gossipSamples({ counters: gossip.counters(), report: gossip.report(), peers, events: this.events }),
      ...(figures === undefined ? [] : recordSamples(figures)),
      ...networks.flatMap(({ name: network, config, mtu, vteps }) => {
        const attached = endpoints.ofNetwork(network);
        const suspended = attached.filter(endpoint => endpoints.isSuspended(endpoint)).length;
        return networkSamples({
          name: network,
          vni: config.vni,
          mode: config.mode,
          mtu,
          vteps: vteps.length,
          endpoints: attached.length,
          suspended,
        });
      }),
      ...ipam.flatMap(ipamSamples),
      ...dnsSamples(this.modules.dns),
      ...this.calls.samples(),
    ];
    return [
      ...samples,
      sample('weft_collect_dataplane_seconds', (answered - begin) / 1000, {}),
      sample('weft_collect_seconds', (clock.now() - begin) / 1000, {}),
    ];
  }
}
