/**
 * Daemons that are killed, stopped and started again.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══╗
 *   b-c1 198.18.0.2 ── [ weft b ] ══╬══ switch         b is the one that suffers
 *                      [ weft c ] ══╝
 */
import test from 'ava';
import { waitFor } from '../lab/wait-for.ts';
import type { PeerReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addWeftVm,
  assertPing,
  attachPair,
  localEndpoints,
  startPair,
  timed,
  waitForPeer,
  waitForPing,
} from './overlay.ts';

test('kill -9: the others say suspect, then dead; started again it is alive, with a higher incarnation', async t => {
  await inLab(t, 'kill', async lab => {
    const { a, b } = await startPair(lab);
    const c = await addWeftVm(lab, 3);
    await waitForPeer(c, 'b', 'alive');
    const before = await waitForPeer(a, 'b', 'alive');
    await b.kill9();
    await Promise.all(
      [a, c].map(async vm => {
        const seen = new Set<PeerReport['state']>();
        await waitFor(
          async () => {
            const peer = (await vm.weftJson<PeerReport[]>('peers')).find(({ name }) => name === 'b');
            if (peer !== undefined) seen.add(peer.state);
            return peer?.state === 'dead';
          },
          { what: `${vm.name} to see b dead`, timeoutMs: 60_000, intervalMs: 100 },
        );
        t.deepEqual(
          [...seen].filter(state => state !== 'alive'),
          ['suspect', 'dead'],
          vm.name,
        );
      }),
    );
    await b.restartWeft();
    const after = await waitForPeer(a, 'b', 'alive');
    await Promise.all([
      waitForPeer(c, 'b', 'alive'),
      waitForPeer(b, 'a', 'alive'),
      waitForPeer(b, 'c', 'alive'),
    ]);
    t.true(after.incarnation > before.incarnation, `${before.incarnation}, then ${after.incarnation}`);
  });
});

for (const mode of ATTACH_MODES) {
  test(`kill -9 (${mode}): started again, it takes over its endpoints and traffic flows within 10 s`, async t => {
    await inLab(t, `kill-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      const endpoints = async () =>
        (await localEndpoints(pair.b)).map(({ netns, ifname, mac, addresses }) => [
          netns,
          ifname,
          mac,
          addresses,
        ]);
      const before = await endpoints();
      const { address } = await c2.link('eth0');
      await pair.b.kill9();
      const took = await timed(async () => {
        await pair.b.restartWeft();
        await waitForPeer(pair.a, 'b', 'alive');
        await waitForPing(c1, '198.18.0.2');
      });
      t.true(took < 10_000, `${took} ms`);
      t.deepEqual(await endpoints(), before);
      t.is((await c2.link('eth0')).address, address);
      await assertPing(t, c2, '198.18.0.1');
      await assertPing(t, c1, '198.18.0.2', { count: 100, intervalS: 0.01, size: 1422, dontFragment: true });
    });
  });

  test(`kill -9 (${mode}): the first node, which has nobody to join, is back within 10 s too`, async t => {
    await inLab(t, `kill-first-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      await pair.a.kill9();
      const took = await timed(async () => {
        await pair.a.restartWeft();
        await Promise.all([waitForPeer(pair.a, 'b', 'alive'), waitForPing(c1, '198.18.0.2')]);
      });
      t.true(took < 10_000, `${took} ms`);
      await assertPing(t, c2, '198.18.0.1');
    });
  });

  test(`SIGTERM (${mode}): it is "left" at once, exits 0, and the containers keep their interface`, async t => {
    await inLab(t, `term-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode });
      const { c1, c2 } = await attachPair(pair);
      await waitForPing(c1, '198.18.0.2');
      const { address, mtu } = await c2.link('eth0');
      const end = await pair.b.stopWeft();
      t.deepEqual(end, { code: 0, signal: null }, pair.b.daemon.report());
      const took = await timed(() => waitForPeer(pair.a, 'b', 'left', 2000));
      t.true(took < 2000, `${took} ms`);
      t.like(await c2.link('eth0'), { address, mtu });

      await pair.b.restartWeft();
      await Promise.all([waitForPeer(pair.a, 'b', 'alive'), waitForPing(c1, '198.18.0.2')]);
      t.is((await localEndpoints(pair.b)).length, 1);
      await assertPing(t, c2, '198.18.0.1');
    });
  });
}

test('a wire that was cut and mended: dead, then alive again without a restart, and traffic flows', async t => {
  t.timeout(180_000);
  await inLab(t, 'cut', async lab => {
    const pair = await startPair(lab);
    const { c1 } = await attachPair(pair);
    await waitForPing(c1, '198.18.0.2');
    await lab.setWire(pair.b, 'down');
    await waitForPeer(pair.a, 'b', 'dead', 60_000);
    await lab.setWire(pair.b, 'up');
    await Promise.all([waitForPeer(pair.a, 'b', 'alive', 90_000), waitForPing(c1, '198.18.0.2', 90_000)]);
    await assertPing(t, c1, '198.18.0.2');
  });
});
