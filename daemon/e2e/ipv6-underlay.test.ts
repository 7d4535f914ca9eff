/**
 * The underlay is IPv6 only.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] 2001:db8::1 ══ switch, MTU 1500 ══ 2001:db8::2 [ weft b ] ── 198.18.0.2 b-c1
 */
import test from 'ava';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import { ping } from '../lab/ping.ts';
import type { PeerReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  assertPing,
  assertStream,
  attachPair,
  BLUE,
  startPair,
  waitForPing,
} from './overlay.ts';

for (const mode of ATTACH_MODES) {
  test(`IPv6 underlay (${mode}): ping without a loss, TCP whole both ways, MTU 1430`, async t => {
    await inLab(t, `six-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode, ipv6Underlay: true });
      const peers = await pair.a.weftJson<PeerReport[]>('peers');
      t.like(
        peers.find(({ name }) => name === 'b'),
        { address: '2001:db8::2', state: 'alive' },
      );
      const { c1, c2 } = await attachPair(pair);
      t.is((await c1.link('eth0')).mtu, 1430);
      await waitForPing(c1, '198.18.0.2');
      await assertPing(t, c1, '198.18.0.2', { count: 300, intervalS: 0.005 });
      await assertPing(t, c2, '198.18.0.1', { size: 1430 - 28, dontFragment: true });
      const larger = await ping(c1, '198.18.0.2', {
        size: 1431 - 28,
        dontFragment: true,
        count: 1,
        waitS: 0.5,
      });
      t.regex(larger.output, /message too long, mtu=1430/);
      await assertStream(t, c1, c2, '198.18.0.2', 100_000_000);
      await assertStream(t, c2, c1, '198.18.0.1', 20_000_000);
    });
  });
}

test('IPv6 underlay: kernel vxlan ↔ weft', async t => {
  await inLab(t, 'six-kernel', async lab => {
    const a = await lab.addVm('a', { underlay: '2001:db8::1/64' });
    const k = await lab.addVm('k', { underlay: '2001:db8::9/64' });
    await a.startWeft({ networks: [{ ...BLUE, static_vteps: [k.underlay] }] });
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
    const kernel = await KernelVxlan.create(k, { vni: 42, remotes: [a.underlay], mtu: 1430 });
    const c2 = await k.addContainer('c1');
    await kernel.attach(c2, { addresses: ['198.18.0.9/24'] });
    await waitForPing(c1, '198.18.0.9');
    await assertPing(t, c1, '198.18.0.9', { count: 50, intervalS: 0.01 });
    await assertStream(t, c1, c2, '198.18.0.9', 10_000_000);
    await assertStream(t, c2, c1, '198.18.0.1', 10_000_000);
  });
});
