/**
 * The tunnel-GSO sender when something changes under it: it follows, or falls back to the sockets; traffic goes on.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] wi2 ─ eth0 ══ switch, MTU 1500 ══ eth0 [ weft b ] ── 198.18.0.2 b-c1
 */
import test from 'ava';
import type { Container } from '../lab/container.ts';
import type { Lab } from '../lab/lab.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import {
  assertStream,
  attachPair,
  BLUE,
  losses,
  type Pair,
  type PairOptions,
  startPair,
  waitForPing,
} from './overlay.ts';
import { dataplaneOf, senderLines, waitForPath, waitForSender } from './sender-status.ts';

const BYTES = 50_000_000;
const B = '192.0.2.2';

async function startTunnel(
  lab: Lab,
  options: PairOptions = {},
): Promise<Pair & { c1: Container; c2: Container }> {
  const pair = await startPair(lab, options);
  const containers = await attachPair(pair);
  await waitForPing(containers.c1, '198.18.0.2');
  await waitForSender(pair.a, B, 'tunnel-gso');
  return { ...pair, ...containers };
}

/** The daemon looks again when any link changes. */
async function changeSomeLink({ a }: Pair): Promise<void> {
  await a.ip('link add dev nudge type veth peer name egdun', 'link del dev nudge');
}

test('next hop: a peer that comes back with another MAC address gets its frames there', async t => {
  await inLab(t, { name: 'hop-mac', wire: 'veth' }, async lab => {
    const { a, b, c1, c2 } = await startTunnel(lab);
    await b.kill9();
    await b.ip('link set dev eth0 address 02:00:00:00:77:02');
    await b.restartWeft();
    await waitForPath(a, B, ({ next_hop }) => next_hop === '02:00:00:00:77:02');
    await waitForPing(c1, '198.18.0.2');
    await waitForSender(a, B, 'tunnel-gso');
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
    // The other way: its own address is the one that changes.
    await waitForSender(b, '192.0.2.1', 'tunnel-gso');
    await assertStream(t, c2, c1, '198.18.0.1', BYTES);
  });
});

test('next hop: one that answers no more is left to the sockets, and taken up again', async t => {
  await inLab(t, { name: 'hop-gone', wire: 'veth' }, async lab => {
    const { a, b, c1, c2 } = await startTunnel(lab);
    await lab.setWire(b, 'down');
    await a.ip('neigh flush dev eth0');
    await waitForPath(a, B, path => path.sender === 'udp-gso' && path.next_hop === null);
    await lab.setWire(b, 'up');
    await waitForPing(c1, '198.18.0.2');
    await waitForSender(a, B, 'tunnel-gso');
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
  });
});

test('next hop: a stale one is confirmed by the kernel, though no socket sends there', async t => {
  await inLab(t, { name: 'hop-stale', wire: 'veth' }, async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const k = await lab.addVm('k', { underlay: '192.0.2.9/24' });
    // No gossip with this peer, and nothing from a container yet.
    await a.startWeft({ networks: [{ ...BLUE, static_vteps: [k.underlay] }] });
    const { address } = await k.link('eth0');
    await a.ip(`neigh replace ${k.underlay} lladdr ${address} dev eth0 nud reachable`);
    await waitForSender(a, k.underlay, 'tunnel-gso');
    await a.ip(`neigh change ${k.underlay} dev eth0 nud stale`);
    const confirmed = async () => {
      const [neighbour] = await a.ipJson<{ state: string[] }[]>('neigh', 'show', k.underlay, 'dev', 'eth0');
      return neighbour?.state.includes('REACHABLE');
    };
    // It waits 5 s for a confirmation by traffic before it asks (delay_first_probe_time).
    await waitFor(confirmed, { what: 'the neighbour to be confirmed', timeoutMs: 20_000 });
    t.is((await waitForSender(a, k.underlay, 'tunnel-gso')).next_hop, address);
  });
});

test('next hop: a route by a router sends there, one of a smaller MTU drops what is too large and counts it', async t => {
  await inLab(t, { name: 'hop-route', wire: 'veth' }, async lab => {
    const pair = await startTunnel(lab);
    const { a, c1, c2 } = pair;
    const router = await lab.addVm('r', { underlay: '192.0.2.254/24' });
    await router.sysctl({
      'net.ipv4.ip_forward': 1,
      'net.ipv4.conf.all.send_redirects': 0,
      'net.ipv4.conf.eth0.send_redirects': 0,
    });
    const mac = (await router.link('eth0')).address;
    await a.ip(`route add ${B}/32 via 192.0.2.254 dev eth0 mtu 1400`);
    await waitForPing(c1, '198.18.0.2');
    await waitForPath(
      a,
      B,
      path => path.next_hop === mac && path.mtu === 1400 && path.sender === 'tunnel-gso',
    );
    const listener = await c2.startTool('stream-receive', [5001]);
    const command = 'exec head -c 1000000 /dev/zero > /dev/tcp/198.18.0.2/5001';
    const sender = c1.spawn('bash', ['-c', command]);
    const lost = await waitFor(async () => (await losses(a)).find(line => line.startsWith('path_mtu')), {
      what: 'frames above the path MTU to be counted',
    });
    t.regex(lost, /^path_mtu: \d+$/);
    await sender.stop('SIGKILL');
    await listener.stop('SIGKILL');
    await a.ip(`route replace ${B}/32 via 192.0.2.254 dev eth0`);
    await waitForPath(a, B, path => path.mtu === 1500);
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
  });
});

test('sender: EINVAL from every injection costs speed, one log line, and no frame', async t => {
  await inLab(t, { name: 'tunnel-einval', wire: 'veth' }, async lab => {
    const pair = await startPair(lab, { env: { WEFT_INJECT: 'tunnel-gso=EINVAL' } });
    const { c1, c2 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
    await assertStream(t, c2, c1, '198.18.0.1', BYTES);
    const path = await waitForSender(pair.a, B, 'udp-gso');
    t.is(path.reason, 'its injector wi2 has failed');
    const lost = senderLines(pair.a).filter(({ event }) => event === 'offload_lost');
    t.is(lost.length, 1);
    t.like(lost[0], { level: 'warn', ifname: 'wi2', errno: 22 });
    t.is((await dataplaneOf(pair.a)).offloads.tunnel_gso, 'lost');
    t.deepEqual(await losses(pair.a), []);
    t.deepEqual(await losses(pair.b), []);
  });
});

for (const [what, command] of [
  ['deleted', 'link del dev wi2'],
  ['set down', 'link set dev wi2 down'],
] as const) {
  test(`sender: an injector that is ${what} in full traffic costs no stream`, async t => {
    await inLab(t, { name: `tunnel-${what.replace(' ', '-')}`, wire: 'veth' }, async lab => {
      const pair = await startTunnel(lab);
      const { a, c1, c2 } = pair;
      const streaming = assertStream(t, c1, c2, '198.18.0.2', 10 * BYTES);
      const before = (await dataplaneOf(a)).tx_packets;
      await waitFor(async () => (await dataplaneOf(a)).tx_packets > before + 1000, { what: 'traffic' });
      await a.ip(command);
      await streaming;
      await waitForSender(a, B, 'udp-gso');
      const lost = senderLines(a).filter(({ event }) => event === 'offload_lost');
      t.is(lost.length, 1);
      await assertStream(t, c1, c2, '198.18.0.2', BYTES);
    });
  });
}

test('sender: an injector whose redirection was removed is given up', async t => {
  await inLab(t, { name: 'tunnel-filter', wire: 'veth' }, async lab => {
    const pair = await startTunnel(lab);
    const { a, c1, c2 } = pair;
    await a.exec('tc', ['filter', 'del', 'dev', 'wi2', 'ingress']);
    await changeSomeLink(pair);
    await waitForSender(a, B, 'udp-gso');
    t.is(senderLines(a).filter(({ event }) => event === 'offload_lost').length, 1);
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
  });
});

test('sender: nothing is injected past an IPsec policy', async t => {
  await inLab(t, { name: 'tunnel-ipsec', wire: 'veth' }, async lab => {
    const pair = await startTunnel(lab);
    const { a, c1, c2 } = pair;
    const selector = 'dir out src 198.51.100.0/24 dst 198.51.100.0/24';
    await a.ip(`xfrm policy add ${selector} tmpl proto esp mode transport`);
    await changeSomeLink(pair);
    const path = await waitForSender(a, B, 'udp-gso');
    t.is(path.reason, 'it would bypass the IPsec policies');
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
    await a.ip(`xfrm policy del ${selector}`);
    await changeSomeLink(pair);
    await waitForSender(a, B, 'tunnel-gso');
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
  });
});

test('sender: injectors end with the daemon, however it ends, and filters of others on the device stay', async t => {
  await inLab(t, { name: 'tunnel-clean', wire: 'veth' }, async lab => {
    const pair = await startPair(lab);
    const { a } = pair;
    await a.exec('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact']);
    const filter =
      'filter add dev eth0 egress protocol ip prio 7 u32 match ip dport 9 0xffff action mirred egress redirect dev lo';
    await a.exec('tc', filter.split(' '));
    const { c1, c2 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    const injectors = async () => (await a.links()).filter(({ ifname }) => /^w[io]/.test(ifname));
    const filters = async () => (await a.exec('tc', ['filter', 'show', 'dev', 'eth0', 'egress'])).stdout;
    const before = await filters();
    t.regex(before, /pref 7 u32/);
    await waitForSender(a, B, 'tunnel-gso');
    const [injector] = await injectors();
    t.like(injector, { ifname: 'wi2', ifalias: 'weft' });
    t.true(injector?.flags.includes('NOARP'));

    await a.kill9();
    t.deepEqual(await injectors(), []);
    t.is(await filters(), before);

    await a.restartWeft();
    await waitForPing(c1, '198.18.0.2');
    await waitForSender(a, B, 'tunnel-gso');
    await assertStream(t, c1, c2, '198.18.0.2', BYTES);
    await a.stopWeft();
    t.deepEqual(await injectors(), []);
    t.is(await filters(), before);
  });
});
