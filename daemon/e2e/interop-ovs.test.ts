/**
 * A peer that is Open vSwitch with its userspace datapath.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] 192.0.2.1 ══ switch ══ eth0 ─ br-phy 192.0.2.9 ~ vxlan0 ─ br-int ── 198.18.0.9 o-c1
 */
import test from 'ava';
import { OpenVswitch } from '../lab/open-vswitch.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, addAttached, assertPing, assertStream, BLUE, waitForPing } from './overlay.ts';

const BYTES = 20_000_000;

for (const attach of ATTACH_MODES) {
  test(`Open vSwitch ↔ weft (${attach}): no ping lost, TCP whole both ways`, async t => {
    await inLab(t, `ovs-${attach}`, async lab => {
      const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
      const o = await lab.addVm('o', { underlay: '192.0.2.9/24' });
      await a.startWeft({ networks: [{ ...BLUE, attach, static_vteps: [o.underlay] }] });
      const c1 = await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] });
      const ovs = await OpenVswitch.create(o, { vni: 42, remote: a.underlay, underlay: '192.0.2.9/24' });
      const c2 = await o.addContainer('c1');
      await ovs.attach(c2, { addresses: ['198.18.0.9/24'] });

      await waitForPing(c1, '198.18.0.9');
      await waitForPing(c2, '198.18.0.1');
      await assertPing(t, c1, '198.18.0.9', { count: 300, intervalS: 0.005 });
      await assertPing(t, c2, '198.18.0.1', { count: 300, intervalS: 0.005, size: 1422, dontFragment: true });
      await assertStream(t, c1, c2, '198.18.0.9', BYTES);
      await assertStream(t, c2, c1, '198.18.0.1', BYTES);
    });
  });
}
