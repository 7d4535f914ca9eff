/** The commands that show something: what each asks the daemon and how it is laid out. */
import type { ReportName } from '../api/reports.ts';
import { oneLine } from '../one-line.ts';
import type { NodeOperations, StatusReport } from '../operations.ts';
import { formatTable } from './table.ts';
import { humanBytes, humanCount, humanSeconds } from './units.ts';

export interface Report {
  readonly summary: string;
  /** Asks once; `data` is what --json prints, `text()` what people see. */
  ask(operations: NodeOperations): Promise<{ readonly data: unknown; text(): string }>;
}

export const REPORTS: Readonly<Record<ReportName, Report>> = {
  status: report(
    'Show the node, its networks, how many peers it sees and what it dropped',
    operations => operations.status(),
    formatStatus,
  ),
  peers: report(
    'Show the other nodes and their state',
    operations => operations.peers(),
    peers =>
      formatTable(
        ['NAME', 'ADDRESS', 'STATE', 'VNIS', 'LAST-SEEN', 'INCARNATION'],
        peers.map(peer => [
          peer.name,
          peer.address,
          peer.state,
          peer.vnis.join(','),
          peer.last_seen_s === null ? 'never' : humanSeconds(peer.last_seen_s),
          peer.incarnation,
        ]),
      ),
  ),
  fdb: report(
    'Show which MAC address is behind which VTEP',
    operations => operations.fdb(),
    entries =>
      formatTable(
        ['NETWORK', 'VNI', 'MAC', 'WHERE', 'VTEP', 'ORIGIN', 'AGE'],
        entries.map(entry => [
          entry.network,
          entry.vni,
          entry.mac,
          entry.where,
          entry.vtep,
          entry.origin,
          humanSeconds(entry.age_s),
        ]),
      ),
  ),
  networks: report(
    'Show the networks of this node',
    operations => operations.networks(),
    networks =>
      formatTable(
        ['NAME', 'VNI', 'SUBNET', 'ATTACH', 'MTU', 'ENDPOINTS', 'VTEPS'],
        networks.map(network => [
          network.name,
          network.vni,
          network.subnet,
          network.attach,
          network.mtu,
          network.endpoints,
          network.vteps.join(','),
        ]),
      ),
  ),
  endpoints: report(
    'Show the containers that are attached on this node',
    operations => operations.endpoints(),
    endpoints =>
      formatTable(
        ['NETWORK', 'VNI', 'NETNS', 'IFNAME', 'MAC', 'ADDRESSES', 'MTU', 'ATTACH'],
        endpoints.map(endpoint => [
          endpoint.network,
          endpoint.vni,
          endpoint.netns,
          endpoint.ifname,
          endpoint.mac,
          endpoint.addresses.join(','),
          endpoint.mtu,
          endpoint.attach,
        ]),
      ),
  ),
  drops: report(
    'Show how many frames were dropped, and why',
    operations => operations.drops(),
    drops =>
      formatTable(
        ['NETWORK', 'REASON', 'FRAMES', 'MEANING'],
        drops.map(drop => [drop.network, drop.reason, drop.frames, drop.meaning]),
      ),
  ),
};

function report<T>(
  summary: string,
  fetch: (operations: NodeOperations) => Promise<T>,
  format: (data: T) => string,
): Report {
  return {
    summary,
    async ask(operations) {
      const data = await fetch(operations);
      return { data, text: () => format(data) };
    },
  };
}

function formatStatus(status: StatusReport): string {
  const { node, peers, dataplane } = status;
  const drops = Object.entries(dataplane.drops).map(([reason, frames]) => `${reason} ${humanCount(frames)}`);
  const traffic = (what: string, packets: number, bytes: number) =>
    `${what} ${humanCount(packets)} packets ${humanBytes(bytes)}`;
  const lines = [
    ['node', `${node.name} ${node.underlay}, weft ${node.version}, up ${humanSeconds(node.uptime_s)}`],
    ['peers', `${peers.alive} alive, ${peers.suspect} suspect, ${peers.dead} dead`],
    [
      'dataplane',
      [
        `${dataplane.workers} ${dataplane.workers === 1 ? 'worker' : 'workers'}`,
        traffic('received', dataplane.rx_packets, dataplane.rx_bytes),
        traffic('sent', dataplane.tx_packets, dataplane.tx_bytes),
      ].join(', '),
    ],
    [
      'offloads',
      Object.entries(dataplane.offloads)
        .map(entry => entry.join(' '))
        .join(', '),
    ],
    ['drops', drops.length === 0 ? 'none' : drops.join(', ')],
  ];
  const networks = formatTable(
    ['NETWORK', 'VNI', 'MTU', 'ENDPOINTS'],
    status.networks.map(network => [network.name, network.vni, network.mtu, network.endpoints]),
  );
  const facts = lines.map(([label = '', value = '']) => `${label.padEnd(11)}${oneLine(value)}`);
  return [...facts, '', networks].join('\n');
}
