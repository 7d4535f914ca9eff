/**
 * The underlay of a machine changes under its daemon: the link goes down and comes up, the address is another one.
 *
 *   a-c1 198.18.0.1 ── [ systemd ── weft.service   a ] ══ [ weft b ] ── b-c1 198.18.0.2
 */
import test from 'ava';
import { SystemdHost } from '../lab/systemd-host.ts';
import { waitFor } from '../lab/wait-for.ts';
import { weftConfig } from '../lab/weft-config.ts';
import { inLab } from './in-lab.ts';
import {
  addAttached,
  addWeftVm,
  assertPing,
  attachPair,
  BLUE,
  startPair,
  timed,
  waitForPeer,
  waitForPing,
} from './overlay.ts';

/** How soon peers follow (issue 6). */
const FOLLOWED_MS = 10_000;

test('underlay: a link that is down for some seconds is all that it was when it is up again, with the same daemon', async t => {
  await inLab(t, 'link-down', async lab => {
    const { a, b } = await startPair(lab);
    const { c1 } = await attachPair({ a, b });
    await waitForPing(c1, '198.18.0.2');
    const before = a.daemon.pid;
    await a.ip('link set dev eth0 down');
    await waitForPeer(b, 'a', 'dead');
    await a.ip('link set dev eth0 up');
    const took = await timed(async () => await waitForPing(c1, '198.18.0.2', FOLLOWED_MS));
    t.log(`reached ${Math.round(took)} ms after the link is up again`);
    await waitForPeer(b, 'a', 'alive');
    await assertPing(t, c1, '198.18.0.2');
    t.is(a.daemon.pid, before);
    t.true(a.daemon.running);
  });
});

test('underlay: a machine that is given another address is followed within ten seconds, and keeps its containers', async t => {
  t.timeout(180_000);
  await inLab(t, 'renumbered', async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    await a.ip('route add default dev eth0');
    const host = await SystemdHost.boot(a);
    // As DHCP leaves it: nobody has written the address down.
    const node = { node: { name: 'a' }, paths: {}, gossip: { join: ['192.0.2.2'] } };
    const config = weftConfig(a, { networks: [BLUE], override: node });
    await host.write('/etc/weft/weft.yaml', JSON.stringify(config));
    await host.exec('systemctl', ['start', 'weft.service']);
    const b = await addWeftVm(lab, 2);
    await waitForPeer(b, 'a', 'alive');
    const near = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
    const far = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
    await waitForPing(far, '198.18.0.1');

    await a.ip('address add 192.0.2.77/24 dev eth0');
    await a.ip('address del 192.0.2.1/24 dev eth0');
    // The kernel takes the routes of an address with it.
    await a.ip('address replace 192.0.2.77/24 dev eth0');
    await a.ip('route replace default dev eth0');
    const took = await timed(async () => await waitForPing(far, '198.18.0.1', 60_000));
    t.log(`followed after ${Math.round(took)} ms`);
    t.true(took < FOLLOWED_MS, `${took} ms`);
    t.is((await a.api.status()).node.underlay, '192.0.2.77');
    const address = async () => (await b.api.peers()).find(({ name }) => name === 'a')?.address;
    await waitFor(async () => (await address())?.startsWith('192.0.2.77'), { what: 'b to know the address' });
    await assertPing(t, near, '198.18.0.2');
    t.is((await a.api.endpoints()).filter(({ owner }) => owner === 'a').length, 1);
    t.regex(await host.journal('weft.service'), /the underlay address is gone/);
  });
});
