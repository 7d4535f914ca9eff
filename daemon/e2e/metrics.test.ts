/**
 * What Prometheus is told: that it reads it, that counters move by what was sent, and that what is lost is found under its reason.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══╗ 127.0.0.1:9473 is scraped
 *   b-c1 198.18.0.2 ── [ weft b ] ══╬══ switch
 *                             x  ══╝ a machine with no weft that sends VXLAN
 */
import test, { type ExecutionContext } from 'ava';
import { hostileDatagrams } from '../lab/hostile-datagrams.ts';
import { askMetrics, METRICS_LISTEN, metricValue, scrape } from '../lab/metrics.ts';
import { ping } from '../lab/ping.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { METRIC_NAMES } from '../metrics/definitions.ts';
import { runPromtool } from '../testing/promtool.ts';
import { inLab } from './in-lab.ts';
import { assertPing, assertStream, attachPair, startPair, waitForPing } from './overlay.ts';

const network = 'blue';
const PINGS = 200;
const STREAM_BYTES = 32 * 1024 * 1024;

/** Neighbor discovery, gossip of the containers' own and the like, while a test looks. */
const NOISE = 60;

test('metrics: read by promtool, moved by traffic, with every loss under its reason', async t => {
  await inLab(t, 'metrics', async lab => {
    const override = { metrics: { listen: METRICS_LISTEN } };
    const pair = await startPair(lab, { attach: 'tap', override });
    const { a, b } = pair;
    const x = await lab.addVm('x', { underlay: '192.0.2.66/24' });
    const { c1, c2 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');

    const before = await scrape(a);
    await assertPing(t, c1, '198.18.0.2', { count: PINGS, intervalS: 0.002 });
    const pinged = await scrape(a);
    const moved = (from: string, to: string, name: string, labels = {}) =>
      metricValue(to, name, labels) - metricValue(from, name, labels);
    for (const [name, labels] of [
      ['weft_tap_received_frames_total', { network }],
      ['weft_tap_sent_frames_total', { network }],
      ['weft_underlay_sent_packets_total', {}],
      ['weft_underlay_received_packets_total', {}],
    ] as const) {
      const frames = moved(before, pinged, name, labels);
      t.true(frames >= PINGS && frames < PINGS + NOISE, `${name} moved by ${frames}`);
    }

    await assertStream(t, c1, c2, '198.18.0.2', STREAM_BYTES);
    const streamed = await scrape(a);
    const bytes = moved(pinged, streamed, 'weft_tap_received_bytes_total', { network });
    t.true(bytes > STREAM_BYTES && bytes < 1.1 * STREAM_BYTES, `${bytes} bytes`);
    const packets = moved(pinged, streamed, 'weft_underlay_sent_packets_total');
    t.true(packets > STREAM_BYTES / 1450, `${packets} packets`);
    // The stream leaves in super-frames, or whole through an injector: either way in fewer calls than packets.
    const sends = moved(pinged, streamed, 'weft_underlay_sends_total');
    t.true(packets > 4 * sends, `${packets} packets in ${sends} sends`);

    const sprayed = [...hostileDatagrams('wrong-vni')].length;
    await assertDrops(t, a, { network: '', reason: 'unknown_vni' }, sprayed, () => spray(b, a));
    await assertDrops(t, a, { network: '', reason: 'unknown_vtep' }, sprayed, () => spray(x, a));
    await c1.ip('neigh replace 198.18.0.77 lladdr 02:00:5e:10:00:77 dev eth0 nud permanent');
    await assertDrops(t, a, { network, reason: 'unknown_destination' }, 5, async () => {
      await ping(c1, '198.18.0.77', { count: 5, intervalS: 0.01, waitS: 0.1 });
    });

    const text = await scrape(a);
    t.deepEqual(await runPromtool(['check', 'metrics'], text), { code: 0, output: '' });
    t.is(metricValue(text, 'weft_endpoints', { network }), 1);
    t.is(metricValue(text, 'weft_claims', { network, state: 'used' }), 1);
    t.is(
      metricValue(text, 'weft_claim_usable_seconds_count') +
        metricValue(text, 'weft_claim_usable_skewed_total'),
      1,
    );
    t.is(metricValue(text, 'weft_peer_state', { peer: 'b', state: 'alive' }), 1);
    t.true(metricValue(text, 'weft_peer_rtt_seconds', { peer: 'b' }) < 1);
    t.is(metricValue(text, 'weft_network_vteps', { network }), 1);
    const absent = METRIC_NAMES.filter(
      name => !text.includes(`\n${name}`) && !text.startsWith(`# HELP ${name} `),
    );
    t.deepEqual(
      absent.filter(name => !/^weft_(ipam|cni)_|^weft_log_suppressed/.test(name)),
      [],
    );

    const open = await askMetrics(a, '/metrics', 'application/openmetrics-text;version=1.0.0,*/*;q=0.1');
    t.regex(open.type ?? '', /^application\/openmetrics-text; version=1\.0\.0/);
    t.regex(open.body, /\n# UNIT weft_tap_sent_bytes bytes\n/);
    t.true(open.body.endsWith('\n# EOF\n'));
    t.like(await askMetrics(a, '/healthz'), { status: 200, body: 'ok\n' });
    t.like(await askMetrics(a, '/v1/status'), { status: 404 });
    const { stdout } = await a.weft(['metrics']);
    t.is(metricValue(stdout, 'weft_drops_total', { reason: 'unknown_vni' }), sprayed);

    // A TAP of its own goes with its container, and what it counted stays.
    const frames = metricValue(text, 'weft_tap_received_frames_total', { network });
    await a.weft(['detach', c1.netns, '--network', network]);
    const detached = await scrape(a);
    t.is(metricValue(detached, 'weft_endpoints', { network }), 0);
    t.true(metricValue(detached, 'weft_tap_received_frames_total', { network }) >= frames);
    t.log(`collected in ${metricValue(detached, 'weft_collect_seconds')} s, ${detached.length} bytes`);

    await b.stopWeft();
    await waitFor(async () => metricValue(await scrape(a), 'weft_gossip_members', { state: 'left' }) === 1, {
      what: 'the metrics to say that b has left',
    });
  });
});

async function spray(from: Vm, to: Vm): Promise<void> {
  await from.tool('spray', [to.underlay, 4789, 'wrong-vni', 0, 1]);
}

/** What `work` sends is counted as dropped under these labels, frame for frame. */
async function assertDrops(
  t: ExecutionContext,
  vm: Vm,
  labels: Readonly<Record<string, string>>,
  frames: number,
  work: () => Promise<void>,
): Promise<void> {
  const read = async () => metricValue(await scrape(vm), 'weft_drops_total', labels);
  const before = await read();
  await work();
  await waitFor(async () => (await read()) >= before + frames, { what: `drops ${JSON.stringify(labels)}` });
  t.is((await read()) - before, frames, JSON.stringify(labels));
}
