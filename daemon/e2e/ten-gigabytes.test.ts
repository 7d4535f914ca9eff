/**
 * Ten gigabytes each way, both ways at once, arrive with an equal SHA-256: many times around every ring and counter, and
 * through every wrap of TCP's sequence numbers.
 *
 *   weft ↔ weft            bridge over a wire-like underlay, tap over a plain veth
 *   weft ↔ kernel vxlan    bridge, wire-like
 *   weft ↔ Open vSwitch    one gigabyte: its userspace datapath moves no more than 1 Gbit/s
 */
import test, { type ExecutionContext } from 'ava';
import type { Container } from '../lab/container.ts';
import { KernelVxlan } from '../lab/kernel-vxlan.ts';
import type { Lab, Wire } from '../lab/lab.ts';
import { OpenVswitch } from '../lab/open-vswitch.ts';
import { expectedDigest, stream } from '../lab/stream.ts';
import type { AttachMode } from '../lab/weft-config.ts';
import { inLab } from './in-lab.ts';
import { addAttached, attachPair, BLUE, startPair, waitForPing } from './overlay.ts';

const GIGABYTE = 1_000_000_000;
const TIMEOUT_MS = 240_000;

interface End {
  readonly container: Container;
  readonly address: string;
}

/** Sends `bytes` each way at once. */
async function assertBothWays(t: ExecutionContext, one: End, other: End, bytes: number): Promise<void> {
  await waitForPing(one.container, other.address);
  const options = { timeoutMs: TIMEOUT_MS };
  const reports = await Promise.all([
    stream(one.container, other.container, other.address, bytes, options),
    stream(other.container, one.container, one.address, bytes, options),
  ]);
  for (const report of reports) {
    t.is(report.bytes, bytes);
    t.is(report.sha256, expectedDigest(bytes));
    // A figure to look at, no condition: speed is compared in benchmarks/.
    t.log(`${((8 * bytes) / report.seconds / 1e9).toFixed(2)} Gbit/s beside the other direction`);
  }
}

for (const [attach, wire] of [
  ['bridge', 'wire-like'],
  ['tap', 'veth'],
] as const satisfies readonly (readonly [AttachMode, Wire])[]) {
  test(`10 GB each way: weft ↔ weft (${attach}, ${wire})`, async t => {
    t.timeout(TIMEOUT_MS);
    await inLab(t, { name: `ten-${attach}`, wire }, async lab => {
      const { c1, c2 } = await attachPair(await startPair(lab, { attach }));
      const [one, other] = [
        { container: c1, address: '198.18.0.1' },
        { container: c2, address: '198.18.0.2' },
      ];
      await assertBothWays(t, one, other, 10 * GIGABYTE);
    });
  });
}

/** weft on `a` with a container, and machine `p` for a peer of another kind at 192.0.2.9. */
async function startOne(lab: Lab): Promise<{ readonly near: End; readonly far: End }> {
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const p = await lab.addVm('p', { underlay: '192.0.2.9/24' });
  await a.startWeft({ networks: [{ ...BLUE, static_vteps: [p.underlay] }] });
  return {
    near: {
      container: await addAttached(a, 'c1', { addresses: ['198.18.0.1/24'] }),
      address: '198.18.0.1',
    },
    far: { container: await p.addContainer('c1'), address: '198.18.0.9' },
  };
}

test('10 GB each way: weft ↔ kernel vxlan', async t => {
  t.timeout(TIMEOUT_MS);
  await inLab(t, 'ten-kernel', async lab => {
    const { near, far } = await startOne(lab);
    const kernel = await KernelVxlan.create(lab.vm('p'), { vni: BLUE.vni, remotes: ['192.0.2.1'] });
    await kernel.attach(far.container, { addresses: [`${far.address}/24`] });
    await assertBothWays(t, near, far, 10 * GIGABYTE);
  });
});

test('1 GB each way: weft ↔ Open vSwitch', async t => {
  t.timeout(TIMEOUT_MS);
  await inLab(t, 'ten-ovs', async lab => {
    const { near, far } = await startOne(lab);
    const options = { vni: BLUE.vni, remote: '192.0.2.1', underlay: '192.0.2.9/24' };
    const ovs = await OpenVswitch.create(lab.vm('p'), options);
    await ovs.attach(far.container, { addresses: [`${far.address}/24`] });
    await assertBothWays(t, near, far, GIGABYTE);
  });
});
