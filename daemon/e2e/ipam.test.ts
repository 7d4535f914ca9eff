/**
 * Addresses that networks give themselves: nobody hands them out, nobody has one twice, whatever happens to the machines.
 *
 *   weft attach c1 --address auto ─► [ weft a ] ══╗
 *   weft attach c1 --address auto ─► [ weft b ] ══╬══ switch      who owns which range is decided by a majority of voters
 *                                    [ weft c ] ══╝
 */
import test, { type ExecutionContext } from 'ava';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import type { EndpointReport, IpamReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import { addAuto, createNetwork } from './made-network.ts';
import {
  ATTACH_MODES,
  addWeftVm,
  assertNoPing,
  assertPing,
  localEndpoints,
  waitForPeer,
  waitForPing,
} from './overlay.ts';

/** Attachments on each side of the partition; WEFT_IPAM_ATTACHES=500 for the whole of it. */
const { WEFT_IPAM_ATTACHES = '20' } = process.env;
const ATTACHES = Number(WEFT_IPAM_ATTACHES);

const MACVLAN = ['--mode', 'macvlan', '--parent', 'eth0'] as const;

async function startMany(lab: Lab, count: number): Promise<readonly Vm[]> {
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const vms = await Promise.all(numbers.map(async n => await addWeftVm(lab, n, { networks: [] })));
  const [first] = vms;
  if (first === undefined) throw new Error('unreachable');
  await Promise.all(vms.slice(1).map(async vm => await waitForPeer(first, vm.name, 'alive')));
  return vms;
}

/** A partition that is none must not pass for one. */
async function assertParted(
  t: ExecutionContext,
  [side, others]: readonly [readonly Vm[], readonly Vm[]],
): Promise<void> {
  for (const vm of side)
    for (const { underlay } of others)
      t.not((await vm.exec('ping', ['-c', '1', '-W', '1', underlay], { check: false })).code, 0);
}

async function attachAuto(vm: Vm, netns: string): Promise<EndpointReport> {
  return await vm.api.attach({ netns, network: 'blue', addresses: ['auto'], ifname: 'eth0', mac: undefined });
}

async function blueOf(vm: Vm): Promise<IpamReport> {
  const report = (await vm.api.ipam()).find(({ network }) => network === 'blue');
  if (report === undefined) throw new Error(`${vm.name} knows no addresses of blue`);
  return report;
}

function hostOf(endpoint: Pick<EndpointReport, 'addresses'> | undefined, family: 4 | 6 = 4): string {
  const address = endpoint?.addresses.find(one => one.includes(':') === (family === 6)) ?? '';
  return address.replace(/\/.*/, '');
}

for (const attach of ATTACH_MODES) {
  test(`addresses (${attach}): each container of three machines gets its own, of both families, and gives it back`, async t => {
    await inLab(t, `ipam-${attach}`, async lab => {
      const vms = await startMany(lab, 3);
      const subnets = ['--subnet', '198.18.0.0/24', '--subnet6', '2001:db8:18::/64'];
      await createNetwork(vms, 'blue', '--attach', attach, ...subnets, '--exclude', '198.18.0.1-198.18.0.9');
      const containers = await Promise.all(vms.map(async vm => await vm.addContainer('c1')));
      const given = await Promise.all(
        vms.map(async (vm, i) => await attachAuto(vm, containers[i]?.netns ?? '')),
      );
      const all = given.flatMap(({ addresses }) => addresses);
      t.is(new Set(all).size, 6, all.join());
      for (const address of all) t.regex(address, /^(198\.18\.0\.\d{2,3}\/24|2001:db8:18::.*\/64)$/);
      const [first, second, third] = containers;
      if (first === undefined || second === undefined || third === undefined) throw new Error('unreachable');
      await assertPing(t, first, hostOf(given[1]));
      await assertPing(t, third, hostOf(given[1]));
      await waitForPing(second, hostOf(given[2], 6));

      // The same container asks again: nothing changes.
      const [a] = vms as [Vm];
      t.deepEqual((await attachAuto(a, first.netns)).addresses, given[0]?.addresses);
      const report = await blueOf(a);
      t.false(report.fenced);
      const owners = new Set(report.spaces[0]?.ranges.map(({ owner }) => owner));
      t.deepEqual([...owners].toSorted(), ['a', 'b', 'c']);
      t.is(report.spaces[0]?.used, 1);
      await a.weft(['detach', first.netns, '--network', 'blue']);
      t.like((await blueOf(a)).spaces[0], { used: 0, resting: 1 });
      const again = await attachAuto(a, first.netns);
      t.not(hostOf(again), hostOf(given[0]), 'an address rests before another one gets it');
    });
  });
}

test('addresses: one that somebody has is refused, on its own machine and on another, and by whom is told', async t => {
  await inLab(t, 'ipam-fixed', async lab => {
    const [a, b] = (await startMany(lab, 2)) as [Vm, Vm];
    await createNetwork([a, b], 'blue', '--subnet', '198.18.0.0/24', '--static', '198.18.0.200/29');
    const fixed = async (vm: Vm, name: string, address: string) => {
      const { netns } = await vm.addContainer(name);
      const args = ['attach', netns, '--network', 'blue', '--address', address];
      const { code, stderr } = await vm.weft(args, { check: false });
      return `${code} ${stderr.trim()}`;
    };
    t.is(await fixed(a, 'c1', '198.18.0.50/24'), '0 ');
    t.regex(await fixed(a, 'c2', '198.18.0.50/24'), /^1 weft: .*198\.18\.0\.50/);
    t.regex(await fixed(b, 'c1', '198.18.0.50/24'), /^1 weft: .*198\.18\.0\.50.* a\b/);
    t.is(await fixed(b, 'c2', '198.18.0.201/24'), '0 ');
    t.regex(await fixed(b, 'c3', '198.18.1.1/24'), /^1 weft: /);
    t.is((await localEndpoints(a)).length + (await localEndpoints(b)).length, 2);
  });
});

test(`addresses: ${ATTACHES} on each side of a partition of five machines: none is given twice`, async t => {
  t.timeout(900_000);
  await inLab(t, 'ipam-split', async lab => {
    const vms = await startMany(lab, 5);
    await createNetwork(vms, 'blue', '--subnet', '198.18.0.0/16');
    const warm = await Promise.all(
      vms.map(async vm => await attachAuto(vm, (await vm.addContainer('warm')).netns)),
    );
    // Until everybody has room in store.
    await Promise.all(
      vms.map(async vm => {
        const hasRoom = async () => ((await blueOf(vm)).spaces[0]?.free ?? 0) > 8;
        await waitFor(hasRoom, { what: `${vm.name} to own addresses`, timeoutMs: 10_000 });
      }),
    );
    const sides = [vms.slice(0, 3), vms.slice(3)] as const;
    const netns = sides.map(side =>
      lab.addBareNamespaces(Array.from({ length: ATTACHES }, (_, i) => `${side[0]?.name}-p${i}`)),
    );
    await lab.split(sides[1]);
    await assertParted(t, sides);
    const given = await Promise.all(
      sides.map(async (side, i) => {
        const taken: EndpointReport[] = [];
        for (const [n, name] of (netns[i] ?? []).entries())
          taken.push(await attachAuto(side[n % side.length] as Vm, name));
        return taken;
      }),
    );
    await lab.mend();
    const all = [...warm, ...given.flat()].map(endpoint => hostOf(endpoint));
    t.is(all.length, 5 + 2 * ATTACHES);
    t.is(new Set(all).size, all.length);
    const [a] = vms as [Vm];
    await Promise.all(vms.slice(1).map(async vm => await waitForPeer(a, vm.name, 'alive', 60_000)));
    t.deepEqual(
      (await Promise.all(vms.map(blueOf))).map(({ fenced }) => fenced),
      [false, false, false, false, false],
    );
  });
});

test('addresses: a machine that was forgotten is cut off before its containers talk, and starts afresh', async t => {
  t.timeout(300_000);
  await inLab(t, 'ipam-forget', async lab => {
    const [a, b, c] = (await startMany(lab, 3)) as [Vm, Vm, Vm];
    await createNetwork([a, b, c], 'blue', '--subnet', '198.18.0.0/24');
    const containers = await Promise.all([a, b, c].map(async vm => await vm.addContainer('c1')));
    const [c1, c2, c3] = containers as [
      (typeof containers)[0],
      (typeof containers)[0],
      (typeof containers)[0],
    ];
    const [ofA, , ofC] = [
      await attachAuto(a, c1.netns),
      await attachAuto(b, c2.netns),
      await attachAuto(c, c3.netns),
    ];
    await assertPing(t, c3, hostOf(ofA));
    // Those of a macvlan are on the wire without us.
    await createNetwork([a, b, c], 'lan', ...MACVLAN, '--subnet', '203.0.113.0/24');
    const m1 = await addAuto(a, 'm1', 'lan');
    const m3 = await addAuto(c, 'm3', 'lan');
    await assertPing(t, m1.container, m3.address);

    // A daemon that is killed and starts again at once goes on as it was.
    await c.kill9();
    await c.restartWeft();
    await waitForPing(c3, hostOf(ofA));
    t.deepEqual(
      (await localEndpoints(c)).map(({ addresses, suspended }) => [hostOf({ addresses }), suspended]),
      [
        [hostOf(ofC), false],
        [m3.address, false],
      ],
    );
    await assertPing(t, m1.container, m3.address);

    const forget = async () => await a.weft(['forget', 'c'], { check: false });
    t.regex((await forget()).stderr, /^weft: c is alive; stop it first/);
    await c.kill9();
    await waitFor(async () => (await forget()).code === 0, {
      what: 'c to be forgotten',
      timeoutMs: 120_000,
      intervalMs: 2000,
    });
    t.false((await blueOf(b)).spaces[0]?.ranges.some(({ owner }) => owner === 'c'));
    await c.restartWeft();
    await waitForPeer(a, 'c', 'alive', 30_000);
    await waitFor(async () => (await localEndpoints(c)).every(({ suspended }) => suspended), {
      what: 'the containers of c to be cut off',
      timeoutMs: 10_000,
    });
    await assertNoPing(t, m1.container, m3.address);
    await assertNoPing(t, c1, hostOf(ofC));
    await assertNoPing(t, c3, hostOf(ofA));
    await c.weft(['detach', c3.netns, '--network', 'blue']);
    const afresh = await attachAuto(c, c3.netns);
    await waitForPing(c3, hostOf(ofA));
    t.like(afresh, { suspended: false });
  });
});
