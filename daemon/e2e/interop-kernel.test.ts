/**
 * A peer that is the kernel's own vxlan device, not weft: it is named in `static_vteps`.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] 192.0.2.1 ══ switch ══ 192.0.2.9 vx42 ── br42 ── 198.18.0.9 k-c1
 */
import test from 'ava';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import { ping } from '../lab/ping.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  assertPing,
  assertStream,
  BLUE,
  fdbEntry,
  totalDrops,
  waitForPing,
} from './overlay.ts';

const BYTES = 50_000_000;

for (const attach of ATTACH_MODES) {
  for (const checksum of [true, false]) {
    const title = `kernel vxlan ↔ weft (${attach}, outer checksum ${checksum ? 'set' : 'zero'})`;
    test(`${title}: no ping lost, TCP whole both ways`, async t => {
      await inLab(t, `kernel-${attach}-${checksum}`, async lab => {
        const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
        const k = await lab.addVm('k', { underlay: '192.0.2.9/24' });
        await a.startWeft({ networks: [{ ...BLUE, attach, static_vteps: [k.underlay] }] });
        const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
        const kernel = await KernelVxlan.create(k, { vni: 42, remotes: [a.underlay], checksum });
        const c2 = await k.addContainer('c1');
        await kernel.attach(c2, { addresses: ['198.18.0.9/24', '2001:db8:18::9/64'] });
        await c1.ip('addr add 2001:db8:18::1/64 dev eth0 nodad');

        await waitForPing(c1, '198.18.0.9');
        const dropsBefore = await totalDrops(a);
        await assertPing(t, c1, '198.18.0.9', { count: 300, intervalS: 0.005 });
        await assertPing(t, c2, '198.18.0.1', {
          count: 300,
          intervalS: 0.005,
          size: 1422,
          dontFragment: true,
        });
        await assertPing(t, c2, '2001:db8:18::1');
        t.is(await totalDrops(a), dropsBefore, 'nothing was dropped on the way');
        await assertStream(t, c1, c2, '198.18.0.9', BYTES);
        await assertStream(t, c2, c1, '198.18.0.1', BYTES);
        const entry = await fdbEntry(a, (await c2.link('eth0')).address);
        t.like(entry, { network: 'blue', vni: 42, where: 'remote', vtep: k.underlay, origin: 'learned' });
      });
    });
  }
}

test('a kernel vxlan that is no known VTEP of the network is not listened to', async t => {
  await inLab(t, 'kernel-unknown', async lab => {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const k = await lab.addVm('k', { underlay: '192.0.2.9/24' });
    await a.startWeft({ networks: [BLUE] });
    const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
    const kernel = await KernelVxlan.create(k, { vni: 42, remotes: [a.underlay] });
    const c2 = await k.addContainer('c1');
    await kernel.attach(c2, { addresses: ['198.18.0.9/24'] });
    const before = await totalDrops(a);
    const report = await ping(c2, '198.18.0.1', { count: 3, waitS: 0.5 });
    t.is(report.received, 0, report.output);
    // At least one ARP request came and was refused.
    t.true((await totalDrops(a)) > before);
    t.is(await fdbEntry(a, (await c2.link('eth0')).address), undefined);
    t.is((await ping(c1, '198.18.0.9', { count: 1, waitS: 0.5 })).received, 0);
  });
});
