/**
 * The tunnel-GSO sender: TCP leaves whole through an injector, and arrives as it should, whoever receives it.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] wi2 ─ eth0 ══ switch, MTU 1500 ══ eth0 [ weft b ] ── 198.18.0.2 b-c1
 */
import test from 'ava';
import { Capture } from '../lab/capture.ts';
import { iperf } from '../lab/iperf.ts';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import type { Wire } from '../lab/lab.ts';
import { OpenVswitch } from '../lab/open-vswitch.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  assertPing,
  assertStream,
  attachPair,
  BLUE,
  losses,
  startPair,
  waitForPing,
} from './overlay.ts';
import { dataplaneOf, senderLines, waitForSender } from './sender-status.ts';

const BYTES = 50_000_000;
const TUNNEL = { sender: 'tunnel-gso' };

for (const attach of ATTACH_MODES) {
  for (const ipv6Underlay of [false, true]) {
    const over = ipv6Underlay ? 'IPv6' : 'IPv4';
    const [near, far] = ipv6Underlay ? ['2001:db8::1', '2001:db8::2'] : ['192.0.2.1', '192.0.2.2'];

    test(`sender (${attach}, over ${over}): TCP leaves whole and arrives whole, both ways and both families`, async t => {
      await inLab(t, { name: `tunnel-${attach}-${over.toLowerCase()}`, wire: 'veth' }, async lab => {
        const pair = await startPair(lab, { attach, ipv6Underlay });
        const { c1, c2 } = await attachPair(pair);
        await c1.ip('addr add 2001:db8:18::1/64 dev eth0 nodad');
        await c2.ip('addr add 2001:db8:18::2/64 dev eth0 nodad');
        await waitForPing(c1, '198.18.0.2');
        await waitForSender(pair.a, far, 'tunnel-gso');
        await waitForSender(pair.b, near, 'tunnel-gso');
        await assertStream(t, c1, c2, '198.18.0.2', BYTES);
        await assertStream(t, c2, c1, '198.18.0.1', BYTES);
        await assertStream(t, c1, c2, '2001:db8:18::2', BYTES);
        await assertPing(t, c1, '198.18.0.2', { count: 200, intervalS: 0.002 });
        const [sent, received] = [await dataplaneOf(pair.a), await dataplaneOf(pair.b)];
        t.is(sent.sender, 'tunnel-gso');
        t.is(sent.offloads.tunnel_gso, 'on');
        // Sent are segments; what b received are datagrams, which nobody had cut on the way.
        t.true(sent.tx_packets > (2 * BYTES) / 1450);
        t.true(received.rx_packets < sent.tx_packets / 5, `${received.rx_packets} of ${sent.tx_packets}`);
        t.deepEqual(await losses(pair.a), []);
        t.deepEqual(await losses(pair.b), []);
      });
    });
  }

  for (const wire of ['veth', 'wire-like'] satisfies Wire[]) {
    test(`sender (${attach}, ${wire}): a kernel vxlan receiver gets what an injector sends`, async t => {
      await inLab(t, { name: `tunnel-kernel-${attach}-${wire}`, wire }, async lab => {
        const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
        const k = await lab.addVm('k', { underlay: '192.0.2.9/24' });
        await a.startWeft({
          networks: [{ ...BLUE, attach, static_vteps: [k.underlay] }],
          override: { dataplane: TUNNEL },
        });
        const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
        const kernel = await KernelVxlan.create(k, { vni: 42, remotes: [a.underlay] });
        const c2 = await k.addContainer('c1');
        await kernel.attach(c2, { addresses: ['198.18.0.9/24'] });
        await waitForPing(c1, '198.18.0.9');
        await waitForSender(a, k.underlay, 'tunnel-gso');
        await assertStream(t, c1, c2, '198.18.0.9', BYTES);
        await assertStream(t, c2, c1, '198.18.0.1', BYTES);
        t.is((await dataplaneOf(a)).sender, 'tunnel-gso');
      });
    });
  }
}

test('sender: forced onto a wire that needs every segment cut, Open vSwitch gets what it should', async t => {
  await inLab(t, 'tunnel-ovs', async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const o = await lab.addVm('o', { underlay: '192.0.2.9/24' });
    await a.startWeft({
      networks: [{ ...BLUE, static_vteps: [o.underlay] }],
      override: { dataplane: TUNNEL },
    });
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
    const ovs = await OpenVswitch.create(o, { vni: 42, remote: a.underlay, underlay: '192.0.2.9/24' });
    const c2 = await o.addContainer('c1');
    await ovs.attach(c2, { addresses: ['198.18.0.9/24'] });
    await waitForPing(c1, '198.18.0.9');
    await waitForSender(a, o.underlay, 'tunnel-gso');
    await assertStream(t, c1, c2, '198.18.0.9', 10_000_000);
    await assertStream(t, c2, c1, '198.18.0.1', 10_000_000);
  });
});

test('sender: on a wire-like underlay auto stays with udp-gso and says why, and tunnel-gso works when asked for', async t => {
  await inLab(t, 'tunnel-wire', async lab => {
    const pair = await startPair(lab);
    const { c1, c2 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    const path = await waitForSender(pair.a, '192.0.2.2', 'udp-gso');
    t.regex(path.reason ?? '', /^eth0 has .*tx-checksum-ip-generic off$/);
    const { sender, offloads } = await dataplaneOf(pair.a);
    t.deepEqual([sender, offloads.tunnel_gso], ['udp-gso', 'unavailable']);

    await pair.b.stopWeft();
    await pair.b.startWeft({
      networks: [{ ...BLUE, attach: 'bridge' }],
      join: ['192.0.2.1'],
      override: { dataplane: TUNNEL },
    });
    await waitForPing(c2, '198.18.0.1');
    await waitForSender(pair.b, '192.0.2.1', 'tunnel-gso');
    // What c2 sent before the returned daemon had a's claims is lost rightly, and is not what is tested here.
    const lossesOfReturn = await losses(pair.b);
    await assertStream(t, c2, c1, '198.18.0.1', BYTES);
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
    t.deepEqual(await losses(pair.b), lossesOfReturn);
  });
});

for (const [sender, dataplane] of [
  ['udp-gso', { sender: 'udp-gso' }],
  ['udp-gso', { offload: { tunnel_gso: 'off' } }],
  ['plain', { sender: 'plain' }],
] as const) {
  test(`sender: ${JSON.stringify(dataplane)} sends by ${sender} where an injector would pay`, async t => {
    await inLab(t, { name: `sender-${sender}-${Object.keys(dataplane)[0]}`, wire: 'veth' }, async lab => {
      const pair = await startPair(lab, { dataplane });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      await assertStream(t, c1, c2, '198.18.0.2', BYTES);
      const report = await dataplaneOf(pair.a);
      t.is(report.sender, sender);
      t.is(report.offloads.tunnel_gso, 'off');
      t.is(report.paths[0]?.reason, 'forbidden by the configuration');
      t.is((await pair.a.links()).filter(({ ifname }) => ifname.startsWith('wi')).length, 0);
    });
  });
}

test('sender: what an injector sends comes from the ports of our own sockets, one for each flow', async t => {
  await inLab(t, { name: 'tunnel-ports', wire: 'veth' }, async lab => {
    const pair = await startPair(lab);
    const { c1, c2 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    await waitForSender(pair.a, '192.0.2.2', 'tunnel-gso');
    const capture = await Capture.start(pair.b, 'eth0', 'udp dst port 4789 and greater 5000');
    await iperf(c1, c2, '198.18.0.2', { seconds: 1, streams: 8 });
    await capture.stop();
    const { stdout } = await pair.a.exec('ss', ['-uanH', 'src', '192.0.2.1']);
    const bound = new Set([...stdout.matchAll(/192\.0\.2\.1:(\d+)/g)].map(([, port]) => Number(port)));
    // Outer IPv4 and UDP at 14, VXLAN at 42, inner IPv4 at 64, inner TCP at 84.
    const portsOfFlow = new Map<number, Set<number>>();
    for (const frame of capture.frames()) {
      const [outer, inner] = [frame.readUInt16BE(34), frame.readUInt16BE(84)];
      t.true(bound.has(outer) && outer >= 49_152, `port ${outer}`);
      portsOfFlow.set(inner, (portsOfFlow.get(inner) ?? new Set()).add(outer));
    }
    t.true(portsOfFlow.size >= 8);
    for (const ports of portsOfFlow.values()) t.is(ports.size, 1);
    t.true(new Set([...portsOfFlow.values()].flatMap(ports => [...ports])).size > 1);
  });
});

test('sender: datagrams keep their boundaries and their number beside it', async t => {
  await inLab(t, { name: 'tunnel-udp', wire: 'veth' }, async lab => {
    const pair = await startPair(lab, { dataplane: TUNNEL });
    const { c1, c2 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    await waitForSender(pair.a, '192.0.2.2', 'tunnel-gso');
    // Every size that fits, and fragments of those that do not.
    for (const size of [0, 1, 1400, 1422, 4000]) {
      await assertPing(t, c1, '198.18.0.2', { size, count: 50, intervalS: 0.002 });
    }
    const { lost, datagramsPerSecond } = await iperf(c1, c2, '198.18.0.2', {
      seconds: 1,
      udpBytes: 1000,
      megabits: 5,
    });
    t.is(lost, 0);
    t.true(datagramsPerSecond > 400);
  });
});

test('sender: a kernel that fails the self-test is one warning, and udp-gso is used', async t => {
  await inLab(t, { name: 'tunnel-probe', wire: 'veth' }, async lab => {
    const pair = await startPair(lab, {
      dataplane: TUNNEL,
      env: { WEFT_INJECT: 'tunnel-gso@start=EINVAL' },
    });
    const { c1, c2 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
    const { sender, offloads, paths } = await dataplaneOf(pair.a);
    t.deepEqual([sender, offloads.tunnel_gso], ['udp-gso', 'unavailable']);
    t.regex(paths[0]?.reason ?? '', /takes no super-frames in tunnels/);
    t.deepEqual(
      senderLines(pair.a).map(({ level, msg }) => [level, msg]),
      [['warn', 'the sender tunnel-gso cannot be used: udp-gso is']],
    );
  });
});
