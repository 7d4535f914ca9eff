/**
 * Joining: the second daemon knows only the first one's address.
 *
 *   a-c1 ── [ weft a ] 192.0.2.1 ══ switch ══ 192.0.2.2 [ weft b ] ── b-c1
 *                          ▲────────── join ─────┘
 */
import test from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { ping } from '../lab/ping.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { NetworkReport, PeerReport, StatusReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  addWeftVm,
  assertPing,
  attach,
  attachPair,
  BLUE,
  localEndpoints,
  startPair,
  timed,
  waitForPeer,
} from './overlay.ts';

test('join by one address: both are alive to each other within 5 s of the start', async t => {
  await inLab(t, 'join', async lab => {
    const a = await addWeftVm(lab, 1);
    const took = await timed(async () => {
      const b = await addWeftVm(lab, 2);
      await Promise.all([waitForPeer(a, 'b', 'alive'), waitForPeer(b, 'a', 'alive')]);
    });
    t.true(took < 5000, `${took} ms`);
    const [peer, ...others] = await a.weftJson<PeerReport[]>('peers');
    t.deepEqual(others, []);
    t.like(peer, { name: 'b', address: '192.0.2.2', state: 'alive', vnis: [42] });
  });
});

for (const mode of ATTACH_MODES) {
  test(`attach (${mode}): the first ping of a container just attached is answered within 2 s`, async t => {
    await inLab(t, `first-${mode}`, async lab => {
      const { a, b } = await startPair(lab, { attach: mode });
      await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const c2 = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
      const first = await ping(c2, '198.18.0.1', { count: 1, waitS: 2 });
      t.is(first.received, 1, first.output);
      t.true((first.rttMs?.max ?? Number.POSITIVE_INFINITY) < 2000, first.output);
    });
  });

  test(`attach (${mode}) gives MTU, address and a stable local MAC; detach takes all of it away`, async t => {
    await inLab(t, `attach-${mode}`, async lab => {
      const a = await addWeftVm(lab, 1, { attach: mode });
      const linksBefore = (await a.links()).map(link => link.ifname);
      const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const link = await c1.link('eth0');
      t.is(link.mtu, 1450);
      t.true(link.flags.includes('UP'));
      // IEEE 802: bit 1 of the first byte set is locally administered, bit 0 clear is unicast.
      t.is(Number.parseInt(link.address.slice(0, 2), 16) & 3, 2, link.address);
      const [endpoint] = await localEndpoints(a);
      t.like(endpoint, {
        network: 'blue',
        vni: 42,
        ifname: 'eth0',
        mac: link.address,
        addresses: ['198.18.0.1/24'],
        mtu: 1450,
        attach: mode,
      });

      await attach(a, c1, { addresses: ['198.18.0.1/24'] });
      t.is((await localEndpoints(a)).length, 1, 'attaching twice is attaching once');
      t.is((await c1.link('eth0')).ifindex, link.ifindex);

      const detach = ['detach', c1.netns, '--network', 'blue'];
      await a.weft(detach);
      t.deepEqual(
        (await c1.links()).map(({ ifname }) => ifname),
        ['lo'],
      );
      t.deepEqual(await localEndpoints(a), []);
      await a.weft(detach); // of what is not there: succeeds

      await attach(a, c1, { addresses: ['198.18.0.1/24'] });
      t.is((await c1.link('eth0')).address, link.address, 'the same container gets the same MAC again');
      await a.weft(detach);
      // What weft keeps for the network itself (bridge, TAP) may stay; nothing of the container may.
      const added = (await a.links()).map(({ ifname }) => ifname).filter(name => !linksBefore.includes(name));
      t.true(added.length <= 2, `left over: ${added.join(', ')}`);
    });
  });
}

test('attach takes a namespace by name, by path and by pid, and an interface name and MAC of choice', async t => {
  await inLab(t, 'netns', async lab => {
    const a = await addWeftVm(lab, 1);
    const byPath = await a.addContainer('c1');
    await a.weft(['attach', byPath.netnsPath, '--network', 'blue', '--address', '198.18.0.1/24']);
    const byPid = await a.addContainer('c2');
    const sleeper = byPid.spawn('sleep', ['600']);
    const mac = '02:00:5e:10:00:01';
    const args = ['--network', 'blue', '--address', '198.18.0.2/24', '--ifname', 'net1', '--mac', mac];
    await a.weft(['attach', String(sleeper.pid), ...args]);
    t.is((await byPid.link('net1')).address, mac);
    await assertPing(t, byPid, '198.18.0.1');
  });
});

test('status, networks and peers report the contract, as JSON and as tables; --socket chooses the daemon', async t => {
  await inLab(t, 'tables', async lab => {
    const pair = await startPair(lab);
    const { c1 } = await attachPair(pair);
    await assertPing(t, c1, '198.18.0.2');
    const status = await pair.a.weftJson<StatusReport>('status');
    t.like(status, {
      node: { name: 'a', underlay: '192.0.2.1' },
      networks: [{ name: 'blue', vni: 42, mtu: 1450, endpoints: 1 }],
      peers: { alive: 1, suspect: 0, dead: 0 },
    });
    t.true(status.node.uptime_s > 0);
    t.true(status.dataplane.rx_packets >= 5 && status.dataplane.tx_packets >= 5);
    t.true(status.dataplane.rx_bytes > 400 && status.dataplane.tx_bytes > 400);
    const [network] = await pair.a.weftJson<NetworkReport[]>('networks');
    t.like(network, { name: 'blue', subnet: BLUE.subnet, attach: 'bridge', vteps: ['192.0.2.2'] });
    for (const table of ['status', 'peers', 'fdb', 'networks', 'endpoints', 'drops']) {
      const other = { env: { WEFT_SOCKET: '/nonexistent' } };
      const shown = await pair.a.weft([table, '--socket', pair.a.apiSocket], other);
      t.is(shown.stderr, '');
      t.true(shown.stdout.length > 0);
    }
    t.regex((await pair.a.weft(['peers'])).stdout, /\bb\b.*192\.0\.2\.2.*alive/);
    const { rtt_ms: rtt, last_two_way_s: twoWay } = await waitFor(
      async () => (await pair.a.weftJson<PeerReport[]>('peers')).find(({ health }) => health === 'good'),
      { what: 'a probe of b to be acked' },
    );
    t.true(rtt !== null && rtt > 0 && rtt < 1000, `${rtt}`);
    t.true(twoWay !== null && twoWay < 10, `${twoWay}`);
    const { address: mac } = await c1.link('eth0');
    const explained = await pair.a.weft(['fdb', '--explain', mac]);
    t.true(explained.stdout.includes(`${mac} in blue (VNI 42)\n`), explained.stdout);
    t.regex(explained.stdout, /\nFrames to it go to eth0 of .* on this node, because it is attached here/);
  });
});

test('join is tried for ever: a daemon that starts before the one it is to join finds it later', async t => {
  await inLab(t, 'later', async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const b = await lab.addVm('b', { underlay: '192.0.2.2/24' });
    await b.startWeft({ networks: [BLUE], join: ['192.0.2.1'] });
    t.deepEqual(await b.weftJson<PeerReport[]>('peers'), []);
    await a.startWeft({ networks: [BLUE] });
    const start = systemClock.now();
    await Promise.all([waitForPeer(b, 'a', 'alive', 30_000), waitForPeer(a, 'b', 'alive', 30_000)]);
    t.log(`joined ${Math.round(systemClock.now() - start)} ms after the first daemon was there`);
  });
});
