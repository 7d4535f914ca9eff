/** The commands that show something: what each asks the daemon and how it is laid out. */
import type { ReportName } from '../api/reports.ts';
import type { DnsReport } from '../dns/dns-reports.ts';
import { oneLine } from '../one-line.ts';
import type { ClaimsReport, NetworkReport, NodeOperations, StatusReport } from '../operations.ts';
import { flagsOf } from './flags.ts';
import { formatIpam } from './ipam.ts';
import { formatTable } from './table.ts';
import { humanBytes, humanCount, humanMilliseconds, humanSeconds } from './units.ts';

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
    'Show the other nodes, their state, and how well they are reached',
    operations => operations.peers(),
    peers =>
      formatTable(
        ['NAME', 'ADDRESS', 'STATE', 'HEALTH', 'RTT', 'TWO-WAY', 'LAST-SEEN', 'VNIS', 'INCARNATION'],
        peers.map(peer => [
          peer.name,
          peer.address,
          peer.state,
          peer.health,
          peer.rtt_ms === null ? null : humanMilliseconds(peer.rtt_ms),
          ago(peer.last_two_way_s),
          ago(peer.last_seen_s),
          peer.vnis.join(','),
          peer.incarnation,
        ]),
      ),
  ),
  fdb: report(
    'Show which MAC address is behind which VTEP, or why one is where it is',
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
    'Show the networks of the pool, as far as this node knows them',
    operations => operations.networks(),
    networks =>
      formatTable(
        ['NAME', 'VNI', 'MODE', 'SUBNETS', 'ATTACH', 'MTU', 'ENDPOINTS', 'SOURCE', 'STATE', 'VTEPS'],
        networks.map(network => [
          network.name,
          network.vni,
          network.mode,
          [network.subnet, network.subnet6].filter(one => one !== null).join(','),
          network.attach,
          network.mtu,
          network.endpoints,
          network.created_by ?? 'config',
          stateOf(network),
          network.vteps.join(','),
        ]),
      ),
  ),
  endpoints: report(
    'Show the containers of this node, and those that other nodes tell of',
    operations => operations.endpoints(),
    endpoints =>
      formatTable(
        [
          'NETWORK',
          'VNI',
          'OWNER',
          'NETNS',
          'IFNAME',
          'MAC',
          'ADDRESSES',
          'NAMES',
          'COUNTER',
          'AGE',
          'ATTACH',
          'FLAGS',
        ],
        endpoints.map(endpoint => [
          endpoint.network,
          endpoint.vni,
          endpoint.owner,
          endpoint.netns,
          endpoint.ifname,
          endpoint.mac,
          endpoint.addresses.join(','),
          endpoint.names.join(','),
          endpoint.mobility,
          endpoint.age_s === null ? null : humanSeconds(endpoint.age_s),
          endpoint.attach,
          flagsOf(endpoint),
        ]),
      ),
  ),
  ipam: report(
    'Show which node has which addresses, of networks that give them out themselves',
    operations => operations.ipam(),
    networks => networks.map(formatIpam).join('\n\n'),
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

function ago(seconds: number | null): string {
  return seconds === null ? 'never' : humanSeconds(seconds);
}

function stateOf({ carried, conflict }: NetworkReport): string {
  if (conflict !== null) return 'conflict';
  return carried ? 'carried' : 'known';
}

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

function formatClaims({ installed, waiting, repaired, audits, usable_ms: usable }: ClaimsReport): string {
  const counts = `${installed} installed, ${waiting} waiting, ${repaired} repaired in ${humanCount(audits)} audits`;
  const [p50, p99, max] = [usable.p50, usable.p99, usable.max].map(ms => humanMilliseconds(ms ?? 0));
  return usable.count === 0 ? counts : `${counts}, usable after p50 ${p50} p99 ${p99} max ${max}`;
}

function formatDns({ address, containers, serving, queries, answered, forwarded }: DnsReport): string {
  if (address === null) return 'not answered: dns.enabled is false';
  const counts = `${humanCount(queries)} queries, ${humanCount(answered)} answered, ${humanCount(forwarded)} forwarded`;
  return `answered at ${address} in ${serving} of ${containers} containers, ${counts}`;
}

function formatStatus(status: StatusReport): string {
  const { node, peers, gossip, claims, dataplane } = status;
  const drops = Object.entries(dataplane.drops).map(([reason, frames]) => `${reason} ${humanCount(frames)}`);
  const traffic = (what: string, packets: number, bytes: number) =>
    `${what} ${humanCount(packets)} packets ${humanBytes(bytes)}`;
  const lines = [
    ['node', `${node.name} ${node.underlay}, weft ${node.version}, up ${humanSeconds(node.uptime_s)}`],
    ['peers', `${peers.alive} alive, ${peers.suspect} suspect, ${peers.dead} dead`],
    [
      'gossip',
      `${gossip.encrypted ? 'encrypted' : 'not encrypted'}, health score ${gossip.health_score} of 7 (0 is best)`,
    ],
    ['claims', formatClaims(claims)],
    ['names', formatDns(status.dns)],
    ...status.state.refused.map(({ reason }) => ['state', oneLine(reason)]),
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
  const paths = formatTable(
    ['VTEP', 'DEVICE', 'NEXT-HOP', 'MTU', 'SENDER', 'WHY-NOT-TUNNEL'],
    dataplane.paths.map(path => [path.vtep, path.ifname, path.next_hop, path.mtu, path.sender, path.reason]),
  );
  const facts = lines.map(([label = '', value = '']) => `${label.padEnd(11)}${oneLine(value)}`);
  return [...facts, '', networks, ...(dataplane.paths.length > 0 ? ['', paths] : [])].join('\n');
}
