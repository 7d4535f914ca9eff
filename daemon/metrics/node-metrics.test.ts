import { readFile } from 'node:fs/promises';
import test from 'ava';
import { DROP_REASONS as GOSSIP_DROPS } from '../../control/counters.ts';
import type { GossipEvent, GossipMember } from '../../control/events.ts';
import { RECORD_DROPS } from '../../control/records/record-counters.ts';
import { parseIp, parseVni } from '../../dataplane/address.ts';
import type { DataplaneCounters } from '../../dataplane/commands.ts';
import { DROP_REASONS } from '../../dataplane/drop-reasons.ts';
import type { PortCounters } from '../../dataplane/ports.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { zeroCounters } from '../../dataplane/testing/memory-pump.ts';
import { DNS_DROPS } from '../dns/dns-counters.ts';
import { DriftCounts } from '../drift/drift-counts.ts';
import { UsableHistogram } from '../records/usable-histogram.ts';
import { dropRows } from '../reports/drop-reports.ts';
import { FakeDataplane, NO_COUNTS } from '../testing/fake-dataplane.ts';
import { FAKE_IPAM } from '../testing/fake-networks.ts';
import { FAKE_STATUS } from '../testing/fake-status.ts';
import { runPromtool } from '../testing/promtool.ts';
import { METRIC_NAMES, type MetricName } from './definitions.ts';
import { formatMetrics } from './exposition.ts';
import { LoopDelayWindow } from './loop-delay-window.ts';
import { NodeMetrics, type NodeMetricsModules } from './node-metrics.ts';
import type { Sample } from './samples.ts';

const BLUE = parseVni(42);

/** Every counter and every reason has a number of its own. */
function busyCounters(): DataplaneCounters {
  let next = 1;
  const port = (): PortCounters => {
    const counters = zeroCounters();
    for (const name of Object.keys(counters) as (keyof PortCounters)[]) counters[name] = next++;
    return counters;
  };
  const reasons = () => Object.fromEntries(DROP_REASONS.map(reason => [reason, next++]));
  return {
    ...NO_COUNTS,
    underlay: port(),
    ports: [{ vni: BLUE, port: 'wt-blue', counters: port() }],
    drops: [
      { vni: null, reasons: reasons() },
      { vni: BLUE, reasons: reasons() },
    ],
    answered: [{ vni: BLUE, arp: next++, nd: next++ }],
    closedPorts: [{ vni: BLUE, counters: port() }],
    tables: [{ vni: BLUE, entries: 7, claims: 5, claimsUsed: 3 }],
    arenaBytes: 4_000_000,
  };
}

const PEER: GossipMember = {
  name: 'vm-b',
  address: parseIp('192.0.2.2'),
  port: 7946,
  state: 'suspect',
  incarnation: 1,
  tags: new Map(),
  lastSeen: 0,
  contact: { rtt: 2.5, lastTwoWay: 0, health: 'indirect' },
};

const numbered = (names: object) => Object.fromEntries(Object.keys(names).map((name, i) => [name, i + 1]));
const GOSSIP_COUNTS = numbered(GOSSIP_DROPS);
const RECORD_COUNTS = numbered(RECORD_DROPS);
const DNS_COUNTS = numbered(DNS_DROPS);

function rig(changes: Partial<NodeMetricsModules> = {}) {
  const clock = new ManualClock();
  const usable = new UsableHistogram();
  usable.add(4);
  usable.add(6000);
  usable.add(20_000);
  let tell = (_: GossipEvent): void => {};
  const metrics = new NodeMetrics(
    {
      clock,
      dataplane: new FakeDataplane({ readCounters: busyCounters() }),
      state: { report: () => FAKE_STATUS.state },
      gossip: {
        members: () => [PEER],
        counters: () => ({
          received: { ping: 3 },
          sent: { pushPull: 4 },
          drops: GOSSIP_COUNTS,
          datagramsReceived: 5,
          datagramsSent: 6,
        }),
        report: () => ({ healthScore: 3, isEncrypted: true, queued: { members: 1, user: 2 } }),
        onEvent: listener => {
          tell = listener;
          return () => {};
        },
      },
      endpoints: {
        ofNetwork: name => (name === 'blue' ? [{} as never, {} as never] : []),
        isSuspended: () => true,
      },
      offloads: { report: () => FAKE_STATUS.dataplane.offloads },
      drift: { counts: new DriftCounts() },
      sender: { report: () => ({ sender: 'plain', paths: FAKE_STATUS.dataplane.paths }) },
      records: {
        figures: () => ({
          log: {
            framesSent: 1,
            framesReceived: 2,
            bytesSent: 3,
            bytesReceived: 4,
            hintsSent: 5,
            hintBytesSent: 6,
            drops: RECORD_COUNTS,
            links: 7,
            backlog: 8,
            bytesHeld: 9,
            frozen: 1,
            unreadable: 10,
          },
          reconciler: { audits: 11, repaired: 12 },
          usable: usable.report(),
          usableSumMs: usable.sumMs,
        }),
      },
      dns: { report: () => FAKE_STATUS.dns, drops: () => DNS_COUNTS },
      networks: () => [
        { name: 'blue', config: { vni: BLUE } as never, mtu: 1450, vteps: [parseIp('192.0.2.2')] },
      ],
      ipam: () => Promise.resolve(FAKE_IPAM),
      configLoad: () => ({ isSuccessful: true, takenAt: 1_700_000_000_000 }),
      logCounts: () => ({ lines: new Map([['warn', 3]]), suppressed: new Map([['accept_failed', 2]]) }),
      ...changes,
    },
    { name: 'vm-a', underlay: '192.0.2.1', ports: { vxlan: 4789, gossip: 7946 } },
  );
  return { clock, metrics, tell: (event: GossipEvent) => tell(event) };
}

function valueAt(
  samples: readonly Sample[],
  name: MetricName,
  labels: Readonly<Record<string, string>> = {},
) {
  const found = samples.filter(
    sample =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return found.length === 1 ? found[0]?.value : found.map(({ value }) => value);
}

/** A loop whose delay was measured. */
function loopDelay(clock: ManualClock): LoopDelayWindow {
  const measured = {
    count: 50,
    percentile: () => 25e6,
    reset: () => {},
    enable: () => true,
    disable: () => true,
  };
  return new LoopDelayWindow(clock, measured);
}

test('every metric that is defined is told, each series once, and promtool finds no fault in names and text', async t => {
  const { metrics } = rig({ loopDelay: loopDelay(new ManualClock()) });
  await metrics.calls.measure(async () => ({ ok: true, body: '' }))({ command: 'ADD' } as never);
  const samples = await metrics.collect();
  const told = new Set(samples.map(({ name }) => name));
  t.deepEqual(
    METRIC_NAMES.filter(name => !told.has(name)),
    [],
  );
  const series = samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
  t.deepEqual(
    series.filter((one, index) => series.indexOf(one) !== index),
    [],
  );
  const { code, output } = await runPromtool(['check', 'metrics'], await formatMetrics(samples, 'text'));
  t.is(output, '');
  t.is(code, 0);
});

test('every row of weft drops is in the metrics, with its number', async t => {
  const { metrics } = rig();
  const samples = await metrics.collect();
  const control = { gossip: GOSSIP_COUNTS, records: RECORD_COUNTS, dns: DNS_COUNTS };
  const rows = dropRows(busyCounters(), control, vni => (vni === BLUE ? 'blue' : null));
  const inLayers = [GOSSIP_DROPS, RECORD_DROPS, DNS_DROPS].map(reasons => Object.keys(reasons).length);
  t.is(
    rows.length,
    inLayers.reduce((sum, count) => sum + count, 2 * DROP_REASONS.length),
  );
  for (const { network, reason, frames } of rows) {
    const [, layer, inLayer] = /^(gossip|records|dns)_(.*)$/.exec(reason) ?? [];
    const value =
      layer === undefined || inLayer === undefined
        ? valueAt(samples, 'weft_drops_total', { network: network ?? '', reason })
        : valueAt(samples, `weft_${layer as 'gossip' | 'records' | 'dns'}_drops_total`, { reason: inLayer });
    t.is(value, frames, `${network} ${reason}`);
  }
});

/** Where each number of `weft status` is in the metrics; null: it says nothing that changes, or is text. */
const STATUS_METRICS: Readonly<Record<string, MetricName | null>> = {
  'node.name': 'weft_node_info',
  'node.underlay': 'weft_node_info',
  'node.version': 'weft_build_info',
  'node.uptime_s': 'process_start_time_seconds',
  'networks.name': 'weft_network_info',
  'networks.vni': 'weft_network_info',
  'networks.mtu': 'weft_network_mtu_bytes',
  'networks.endpoints': 'weft_endpoints',
  'peers.alive': 'weft_gossip_members',
  'peers.suspect': 'weft_gossip_members',
  'peers.dead': 'weft_gossip_members',
  'gossip.health_score': 'weft_gossip_health_score',
  'gossip.encrypted': 'weft_gossip_encrypted',
  'claims.installed': 'weft_claims',
  'claims.waiting': 'weft_claims',
  'claims.repaired': 'weft_claim_repairs_total',
  'claims.audits': 'weft_claim_audits_total',
  'claims.usable_ms.count': 'weft_claim_usable_seconds',
  'claims.usable_ms.skewed': 'weft_claim_usable_skewed_total',
  'claims.usable_ms.p50': 'weft_claim_usable_seconds',
  'claims.usable_ms.p99': 'weft_claim_usable_seconds',
  'claims.usable_ms.max': 'weft_claim_usable_seconds',
  'claims.usable_ms.buckets.le': 'weft_claim_usable_seconds',
  'claims.usable_ms.buckets.count': 'weft_claim_usable_seconds',
  'dns.address': null,
  'dns.containers': 'weft_dns_containers',
  'dns.serving': 'weft_dns_serving_containers',
  'dns.queries': 'weft_dns_queries_total',
  'dns.answered': 'weft_dns_answered_total',
  'dns.forwarded': 'weft_dns_forwarded_total',
  'state.writable': 'weft_state_refused_files',
  'state.refused': 'weft_state_refused_files',
  'state.failures': 'weft_state_write_failures_total',
  'dataplane.workers': 'weft_dataplane_workers',
  'dataplane.rx_packets': 'weft_underlay_received_packets_total',
  'dataplane.tx_packets': 'weft_underlay_sent_packets_total',
  'dataplane.rx_bytes': 'weft_underlay_received_bytes_total',
  'dataplane.tx_bytes': 'weft_underlay_sent_bytes_total',
  'dataplane.rx_messages': 'weft_underlay_received_messages_total',
  'dataplane.tx_sends': 'weft_underlay_sends_total',
  'dataplane.drops': 'weft_drops_total',
  'dataplane.offloads': 'weft_offload_state',
  'dataplane.sender': 'weft_path_info',
  'dataplane.paths.vtep': 'weft_path_info',
  'dataplane.paths.ifname': 'weft_path_info',
  'dataplane.paths.next_hop': null,
  'dataplane.paths.mtu': 'weft_path_mtu_bytes',
  'dataplane.paths.sender': 'weft_path_info',
  'dataplane.paths.reason': null,
};

test('everything in weft status has its metric', t => {
  const paths = new Set(leaves(FAKE_STATUS, ''));
  t.deepEqual([...paths].toSorted(), Object.keys(STATUS_METRICS).toSorted());
});

/** Paths of keys; those of maps from reason or offload to a value end before it. */
function leaves(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null || /\.(drops|offloads|refused)$/.test(path)) return [path];
  if (Array.isArray(value)) return value.flatMap(item => leaves(item, path));
  return Object.entries(value).flatMap(([key, inside]) =>
    leaves(inside, path === '' ? key : `${path}.${key}`),
  );
}

test('the underlay, TAPs open and closed, tables and ARP answers are told by network', async t => {
  const counters = busyCounters();
  const samples = await rig().metrics.collect();
  const [open] = counters.ports;
  const [closed] = counters.closedPorts;
  const network = 'blue';
  t.is(valueAt(samples, 'weft_underlay_sent_packets_total'), counters.underlay.txSegments);
  const frames = (open?.counters.rxFrames ?? 0) + (closed?.counters.rxFrames ?? 0);
  t.is(valueAt(samples, 'weft_tap_received_frames_total', { network }), frames);
  t.is(
    valueAt(samples, 'weft_neighbor_answers_total', { network, protocol: 'nd' }),
    counters.answered[0]?.nd,
  );
  t.is(valueAt(samples, 'weft_fdb_entries', { network }), 7);
  t.is(valueAt(samples, 'weft_claims', { network, state: 'unused' }), 2);
  t.is(valueAt(samples, 'weft_endpoints_suspended', { network }), 2);
  t.is(valueAt(samples, 'weft_claims_frozen'), 1);
});

test('a counter never goes back because a port is closed', async t => {
  const before = busyCounters();
  const after = { ...before, ports: [], closedPorts: [...before.closedPorts, ...before.ports] };
  const read = async (counters: DataplaneCounters) => {
    const { metrics } = rig({ dataplane: new FakeDataplane({ readCounters: counters }) });
    return (await metrics.collect()).filter(({ name }) => name.startsWith('weft_tap_'));
  };
  t.deepEqual(await read(after), await read(before));
});

test('peers: a state is 1 and the others 0; times are in seconds', async t => {
  const { clock, metrics } = rig();
  clock.advance(3000);
  const samples = await metrics.collect();
  const peer = 'vm-b';
  t.is(valueAt(samples, 'weft_peer_state', { peer, state: 'suspect' }), 1);
  t.is(valueAt(samples, 'weft_peer_state', { peer, state: 'alive' }), 0);
  t.is(valueAt(samples, 'weft_peer_health', { peer, health: 'indirect' }), 1);
  t.is(valueAt(samples, 'weft_peer_rtt_seconds', { peer }), 0.0025);
  t.is(valueAt(samples, 'weft_peer_two_way_age_seconds', { peer }), 3);
  t.is(valueAt(samples, 'weft_gossip_members', { state: 'suspect' }), 1);
});

test('in a large pool peers beyond the first five hundred are counted, and have no series', async t => {
  const members = Array.from({ length: 600 }, (_, i) => ({ ...PEER, name: `vm-${1000 + i}` }));
  const { gossip } = rigModules();
  const { metrics } = rig({ gossip: { ...gossip, members: () => members } });
  const samples = await metrics.collect();
  t.is(valueAt(samples, 'weft_gossip_members', { state: 'suspect' }), 600);
  t.is(samples.filter(({ name }) => name === 'weft_peer_rtt_seconds').length, 500);
});

function rigModules(): Pick<NodeMetricsModules, 'gossip'> {
  const counters = () => ({ received: {}, sent: {}, drops: {}, datagramsReceived: 0, datagramsSent: 0 });
  const report = () => ({ healthScore: 0, isEncrypted: false, queued: { members: 0, user: 0 } });
  return { gossip: { members: () => [], counters, report, onEvent: () => () => {} } };
}

test('member events are counted, from 0', async t => {
  const { metrics, tell } = rig();
  tell({ type: 'memberSuspect', member: PEER });
  tell({ type: 'memberSuspect', member: PEER });
  tell({ type: 'nameConflict', name: 'vm-a', address: '192.0.2.9:7946' });
  const samples = await metrics.collect();
  t.is(valueAt(samples, 'weft_gossip_member_events_total', { event: 'member_suspect' }), 2);
  t.is(valueAt(samples, 'weft_gossip_member_events_total', { event: 'member_down' }), 0);
});

test('claim to usable is a histogram in seconds, whose buckets add up', async t => {
  const text = await rig().metrics.text('text');
  const lines = text.split('\n').filter(line => line.startsWith('weft_claim_usable_seconds'));
  t.true(lines.includes('weft_claim_usable_seconds_bucket{le="0.005"} 1'));
  t.true(lines.includes('weft_claim_usable_seconds_bucket{le="10"} 2'));
  t.true(lines.includes('weft_claim_usable_seconds_bucket{le="+Inf"} 3'));
  t.true(lines.includes('weft_claim_usable_seconds_sum 26.004'));
  t.true(lines.includes('weft_claim_usable_seconds_count 3'));
});

test('calls of the CNI plugin are timed by command and outcome', async t => {
  const { clock, metrics } = rig();
  const handler = metrics.calls.measure(async ({ command }) => {
    clock.advance(command === 'ADD' ? 30 : 30_000);
    return { ok: command === 'ADD', body: '' };
  });
  await handler({ command: 'ADD' } as never);
  await handler({ command: 'DEL' } as never);
  const text = await metrics.text('text');
  t.true(text.includes('weft_cni_call_seconds_bucket{command="ADD",outcome="ok",le="0.025"} 0\n'));
  t.true(text.includes('weft_cni_call_seconds_bucket{command="ADD",outcome="ok",le="0.05"} 1\n'));
  t.true(text.includes('weft_cni_call_seconds_bucket{command="DEL",outcome="error",le="20"} 0\n'));
  t.true(text.includes('weft_cni_call_seconds_count{command="DEL",outcome="error"} 1\n'));
});

test('the process is told of as the kernel has it', async t => {
  const samples = await rig().metrics.collect();
  const limits = await readFile('/proc/self/limits', 'utf8');
  t.true(limits.includes(`Max open files            ${valueAt(samples, 'process_max_fds')} `));
  const rss = Number(valueAt(samples, 'process_resident_memory_bytes'));
  t.true(rss > 20e6 && rss < 2e9, `${rss}`);
  t.true(Number(valueAt(samples, 'process_open_fds')) > 2);
});
