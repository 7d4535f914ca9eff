/**
 * A peer that is the kernel's own vxlan device, not weft: it is named in `static_vteps`.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] 192.0.2.1 ══ switch ══ 192.0.2.9 vx42 ── br42 ── 198.18.0.9 k-c1
 */
import test from 'ava';
import type { Container } from '../lab/container.ts';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import type { Lab, Wire } from '../lab/lab.ts';
import { ping } from '../lab/ping.ts';
import { SUPER_DATAGRAMS_SENT, sendSuperDatagrams } from '../lab/super-datagrams.ts';
import type { Vm } from '../lab/vm.ts';
import type { AttachMode } from '../lab/weft-config.ts';
import type { DropReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  addAttached,
  assertPing,
  assertStream,
  BLUE,
  fdbEntry,
  losses,
  totalDrops,
  waitForPing,
} from './overlay.ts';

const BYTES = 50_000_000;

/** On `veth` the kernel leaves segmentation and checksums to a network card that is not there. */
const WIRES: readonly Wire[] = ['wire-like', 'veth'];

const CASES = WIRES.flatMap(wire =>
  ATTACH_MODES.flatMap(attach => [true, false].map(checksum => ({ wire, attach, checksum }))),
);

interface Pair {
  readonly a: Vm;
  readonly k: Vm;
  readonly c1: Container;
  readonly c2: Container;
}

async function startPair(lab: Lab, attach: AttachMode, checksum: boolean): Promise<Pair> {
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const k = await lab.addVm('k', { underlay: '192.0.2.9/24' });
  await a.startWeft({ networks: [{ ...BLUE, attach, static_vteps: [k.underlay] }] });
  const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
  const kernel = await KernelVxlan.create(k, { vni: 42, remotes: [a.underlay], checksum });
  const c2 = await k.addContainer('c1');
  await kernel.attach(c2, { addresses: ['198.18.0.9/24', '2001:db8:18::9/64'] });
  await c1.ip('addr add 2001:db8:18::1/64 dev eth0 nodad');
  await waitForPing(c1, '198.18.0.9');
  return { a, k, c1, c2 };
}

for (const { wire, attach, checksum } of CASES) {
  const title = `kernel vxlan ↔ weft (${wire}, ${attach}, outer checksum ${checksum ? 'set' : 'zero'})`;
  test(`${title}: no ping lost, TCP whole both ways`, async t => {
    await inLab(t, { name: `kernel-${wire}-${attach}-${checksum}`, wire }, async lab => {
      const { a, k, c1, c2 } = await startPair(lab, attach, checksum);
      const lossesBefore = await losses(a);
      await assertPing(t, c1, '198.18.0.9', { count: 300, intervalS: 0.005 });
      await assertPing(t, c2, '198.18.0.1', {
        count: 300,
        intervalS: 0.005,
        size: 1422,
        dontFragment: true,
      });
      await assertPing(t, c2, '2001:db8:18::1');
      t.deepEqual(await losses(a), lossesBefore, 'nothing was dropped on the way');
      await assertStream(t, c1, c2, '198.18.0.9', BYTES);
      await assertStream(t, c2, c1, '198.18.0.1', BYTES);
      await assertStream(t, c2, c1, '2001:db8:18::1', BYTES);
      const entry = await fdbEntry(a, (await c2.link('eth0')).address);
      t.like(entry, { network: 'blue', vni: 42, where: 'remote', vtep: k.underlay, origin: 'learned' });
      const drops = await a.weftJson<DropReport[]>('drops');
      // A receive queue may overflow; what arrives is understood.
      t.deepEqual(
        drops.filter(({ reason }) => reason !== 'receive_queue_overflow'),
        [],
      );
    });
  });
}

for (const wire of WIRES) {
  test(`kernel vxlan → weft (${wire}): datagrams sent as one super-frame keep their boundaries`, async t => {
    await inLab(t, { name: `kernel-uso-${wire}`, wire }, async lab => {
      const { c1, c2 } = await startPair(lab, 'bridge', true);
      for (const address of ['198.18.0.1', '2001:db8:18::1']) {
        t.deepEqual(await sendSuperDatagrams(c2, c1, address), SUPER_DATAGRAMS_SENT);
      }
    });
  });
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
