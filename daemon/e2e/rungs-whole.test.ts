/**
 * Super-frames that come whole from the kernel's vxlan on the same box, on the rungs where a TAP does not take them: the
 * daemon cuts them.
 *
 *   a-c1 198.18.0.1 (bridge), a-c2 198.19.0.1 (tap) ── [ weft a ] ══ plain veth ══ kernel vxlan ── k-c1 .9, k-c2 .9
 */
import test from 'ava';
import type { Container } from '../lab/container.ts';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import { Lab } from '../lab/lab.ts';
import { SUPER_DATAGRAMS_SENT, sendSuperDatagrams } from '../lab/super-datagrams.ts';
import type { Vm } from '../lab/vm.ts';
import { addAttached, assertStream, waitForPing } from './overlay.ts';
import { lossLines, type Rung, standing } from './rung-lab.ts';

const BYTES = 20_000_000;

const NETWORKS = [
  { name: 'blue', vni: 42, attach: 'bridge', container: 'c1', v4: '198.18.0.', v6: '2001:db8:18::' },
  { name: 'green', vni: 43, attach: 'tap', container: 'c2', v4: '198.19.0.', v6: '2001:db8:19::' },
] as const;

interface Case extends Rung {
  /** As `weft status` shows them afterwards. */
  readonly states: Readonly<Record<string, string>>;
}

const CASES: readonly Case[] = [
  { title: 'all on', states: { tap_tso: 'on', tap_uso: 'on' } },
  {
    title: 'TSO and USO off',
    offload: { tap_tso: 'off', tap_uso: 'off' },
    states: { tap_tso: 'off', tap_uso: 'off' },
  },
  {
    title: 'TSO and USO lost',
    inject: 'tap-tso=EINVAL,tap-uso=EINVAL',
    states: { tap_tso: 'lost', tap_uso: 'lost' },
  },
];

async function start(a: Vm, { offload = {}, inject = '' }: Rung): Promise<void> {
  const networks = NETWORKS.map(({ name, vni, attach }) => ({
    name,
    vni,
    attach,
    static_vteps: ['192.0.2.9'],
  }));
  await a.startWeft({ networks, override: { dataplane: { offload } } }, { WEFT_INJECT: inject });
}

let lab: Lab;
let a: Vm;
const pairs: {
  readonly near: Container;
  readonly far: Container;
  readonly v4: string;
  readonly v6: string;
}[] = [];

test.before(async () => {
  lab = await Lab.create({ name: 'rungs-whole', wire: 'veth' });
  a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const k = await lab.addVm('k', { underlay: '192.0.2.9/24' });
  await start(a, { title: 'all on' });
  for (const { name, vni, container, v4, v6 } of NETWORKS) {
    const addresses = [`${v4}1/24`, `${v6}1/64`];
    const near = await addAttached(a, container, { network: name, addresses });
    const kernel = await KernelVxlan.create(k, { vni, remotes: [a.underlay] });
    const far = await k.addContainer(container);
    await kernel.attach(far, { addresses: [`${v4}9/24`, `${v6}9/64`] });
    pairs.push({ near, far, v4, v6 });
  }
});
test.after.always(async () => {
  await lab?.destroy();
});

for (const [i, rung] of CASES.entries()) {
  test.serial(`super-frames from a kernel vxlan of the same box: ${rung.title}`, async t => {
    try {
      if (i > 0) {
        await a.stopWeft();
        await start(a, rung);
      }
      for (const { near, v4 } of pairs) await waitForPing(near, `${v4}9`);
      // What came before a daemon that starts again knew its VTEPs is no matter of rungs.
      const before = (await standing(a)).drops;
      for (const { near, far, v4, v6 } of pairs) {
        for (const address of [`${v4}1`, `${v6}1`]) {
          await assertStream(t, far, near, address, BYTES);
          t.deepEqual(await sendSuperDatagrams(far, near, address), SUPER_DATAGRAMS_SENT);
        }
        await assertStream(t, near, far, `${v4}9`, BYTES);
      }
      const { offloads, drops } = await standing(a);
      t.like(offloads, rung.states);
      // A receive queue may overflow; what arrives is understood.
      t.deepEqual(
        Object.keys(drops).filter(
          reason => reason !== 'receive_queue_overflow' && drops[reason] !== before[reason],
        ),
        [],
      );
      t.is(lossLines(a).length, Object.values(rung.states).filter(state => state === 'lost').length);
    } catch (error) {
      t.log(lab.report());
      throw error;
    }
  });
}
