/** The answers of a running node: counters, tables and members in the shapes of operations.ts. */
import { DROP_REASONS as GOSSIP_DROPS, type DropReason as GossipDrop } from '../control/counters.ts';
import type { Gossip } from '../control/gossip.ts';
import { formatMac } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import type { DataplaneCounters } from '../dataplane/commands.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { type DropReason, dropMeaning } from '../dataplane/drop-reasons.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import { portLosses } from '../dataplane/port-losses.ts';
import type { Endpoint } from './endpoints/endpoint.ts';
import type { Endpoints } from './endpoints/endpoints.ts';
import type {
  DropReport,
  EndpointReport,
  FdbReport,
  NetworkSummary,
  NodeOperations,
  StatusReport,
} from './operations.ts';
import type { OverlayNetwork } from './overlay-network.ts';
import { version } from './package-info.ts';
import type { TunnelSender } from './sender/tunnel-sender.ts';
import { peerReport } from './vtep-directory.ts';

export interface NodeParts {
  readonly clock: Clock;
  readonly name: string;
  readonly underlay: string;
  readonly dataplane: Pick<Dataplane, 'run' | 'workerCount'>;
  readonly gossip: Pick<Gossip, 'members' | 'counters' | 'changeKeys'>;
  readonly endpoints: Endpoints;
  readonly networks: readonly OverlayNetwork[];
  readonly offloads: Pick<OffloadStates, 'report'>;
  readonly sender: Pick<TunnelSender, 'report'>;
}

export function nodeOperations(parts: NodeParts): NodeOperations {
  const { clock, dataplane, gossip, endpoints, networks, offloads, sender } = parts;
  const startedAt = clock.now();
  const networkName = (vni: number | null): string | null =>
    networks.find(network => network.vni === vni)?.name ?? null;

  const summary = (network: OverlayNetwork): NetworkSummary => ({
    name: network.name,
    vni: network.vni,
    mtu: network.mtu,
    endpoints: endpoints.ofNetwork(network.name).length,
  });

  const peers = () =>
    gossip
      .members()
      .filter(member => member.name !== parts.name)
      .map(member => peerReport(member, clock.now()));

  return {
    async status() {
      const counters = await dataplane.run('readCounters', {});
      const states = peers().map(peer => peer.state);
      const count = (state: string) => states.filter(other => other === state).length;
      return {
        node: {
          name: parts.name,
          underlay: parts.underlay,
          version,
          uptime_s: seconds(clock.now() - startedAt),
        },
        networks: networks.map(summary),
        peers: { alive: count('alive'), suspect: count('suspect'), dead: count('dead') },
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
      return entries.map(
        ({ vni, mac, origin, vtep, ageMs }): FdbReport => ({
          network: networkName(vni) ?? String(vni),
          vni,
          mac: formatMac(mac),
          where: vtep === null ? 'local' : 'remote',
          vtep,
          origin,
          age_s: seconds(ageMs),
        }),
      );
    },

    async networks() {
      return networks.map(network => ({
        ...summary(network),
        subnet: network.config.subnet ?? null,
        attach: network.config.attach,
        vteps: network.vteps,
      }));
    },

    async endpoints() {
      return endpoints.all().map(endpointReport);
    },

    async drops() {
      const { drops, underlay, ports } = await dataplane.run('readCounters', {});
      const rows = drops.flatMap(({ vni, reasons }) => rowsOf(networkName(vni), reasons));
      rows.push(
        ...rowsOf(null, Object.fromEntries(portLosses(underlay, 'udp'))),
        ...gossipRows(gossip.counters().drops),
      );
      for (const { vni, counters } of ports)
        rows.push(...rowsOf(networkName(vni), Object.fromEntries(portLosses(counters, 'tap'))));
      return merge(rows);
    },

    async attach(request) {
      return endpointReport(await endpoints.attach(request));
    },

    detach: request => endpoints.detach(request),

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

function endpointReport(endpoint: Endpoint): EndpointReport {
  const { network, vni, netns, ifname, mac, addresses, mtu, attach } = endpoint;
  return { network, vni, netns: netns.name, ifname, mac, addresses, mtu, attach };
}

function rowsOf(network: string | null, reasons: Partial<Record<DropReason, number>>): DropReport[] {
  return (Object.entries(reasons) as [DropReason, number][])
    .filter(([, frames]) => frames > 0)
    .map(([reason, frames]) => ({ network, reason, frames, meaning: dropMeaning(reason) }));
}

/** Gossip counts messages, not frames; they stand apart by their prefix. */
function gossipRows(drops: Readonly<Record<string, number>>): DropReport[] {
  return Object.entries(drops).map(([reason, frames]) => ({
    network: null,
    reason: `gossip_${reason.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)}`,
    frames,
    meaning: GOSSIP_DROPS[reason as GossipDrop] ?? reason,
  }));
}

function merge(rows: readonly DropReport[]): DropReport[] {
  const merged = new Map<string, DropReport>();
  for (const row of rows) {
    const key = `${row.network} ${row.reason}`;
    merged.set(key, { ...row, frames: row.frames + (merged.get(key)?.frames ?? 0) });
  }
  return [...merged.values()];
}

function dataplaneReport(
  counters: DataplaneCounters,
  workers: number,
): Omit<StatusReport['dataplane'], 'offloads' | 'sender' | 'paths'> {
  const { underlay, drops, ports } = counters;
  const losses = [
    ...drops.flatMap(({ reasons }) => Object.entries(reasons)),
    ...portLosses(underlay, 'udp'),
    ...ports.flatMap(port => portLosses(port.counters, 'tap')),
  ];
  const totals: Record<string, number> = {};
  for (const [reason, frames] of losses) totals[reason] = (totals[reason] ?? 0) + frames;
  return {
    workers,
    rx_packets: underlay.rxFrames,
    tx_packets: underlay.txSegments,
    rx_bytes: underlay.rxBytes,
    tx_bytes: underlay.txBytes,
    rx_messages: underlay.rxMessages,
    tx_sends: underlay.txBatches,
    drops: totals,
  };
}

/** Milliseconds as seconds with one decimal. */
function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
