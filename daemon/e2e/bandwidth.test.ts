/**
 * Interfaces that keep to a rate, each way and in each way of attaching: what iperf3 gets through is a share of the limit, whatever the speed of
 * the machine.
 */
import test, { type ExecutionContext } from 'ava';
import type { Container } from '../lab/container.ts';
import type { Host } from '../lab/host.ts';
import { iperf } from '../lab/iperf.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { inLab } from './in-lab.ts';
import { addAttached, addWeftVm, attach, localEndpoints, startPair } from './overlay.ts';

const LIMIT = 50_000_000;
const RATES = ['--ingress-rate', '50mbit', '--egress-rate', '50mbit'];

interface World {
  /** Where the container is that is limited. */
  readonly vm: Vm;
  readonly limited: Container;
  readonly other: Host;
  readonly network: string;
  readonly address: string;
  readonly otherAddress: string;
}

const WORLDS: Readonly<Record<'bridge' | 'tap' | 'macvlan', (lab: Lab) => Promise<World>>> = {
  bridge: lab => overlayWorld(lab, 'bridge'),
  tap: lab => overlayWorld(lab, 'tap'),
  async macvlan(lab) {
    const vm = await addWeftVm(lab, 1, { networks: [] });
    const other = await lab.addVm('out', { underlay: '192.0.2.99/24' });
    await vm.weft(['network', 'create', 'lan', '--mode', 'macvlan', '--parent', 'eth0', '--ipam', 'none']);
    const limited = await vm.addContainer('c1');
    const place = { network: 'lan', address: '192.0.2.50', otherAddress: '192.0.2.99' };
    return { vm, limited, other, ...place };
  },
};

async function overlayWorld(lab: Lab, mode: 'bridge' | 'tap'): Promise<World> {
  const { a, b } = await startPair(lab, { attach: mode });
  const other = await addAttached(b, 'c1', { addresses: ['198.18.0.2/24'] });
  const limited = await a.addContainer('c1');
  return { vm: a, limited, other, network: 'blue', address: '198.18.0.1', otherAddress: '198.18.0.2' };
}

async function rates({ limited, other, address, otherAddress }: World) {
  const toIt = await iperf(other, limited, address, { seconds: 4, omit: 1 });
  const fromIt = await iperf(limited, other, otherAddress, { seconds: 4, omit: 1 });
  return { ingress: toIt.bitsPerSecond, egress: fromIt.bitsPerSecond };
}

function assertLimited(
  t: ExecutionContext,
  measured: { ingress: number; egress: number },
  what: string,
): void {
  for (const [way, rate] of Object.entries(measured)) {
    const share = rate / LIMIT;
    t.log(`${what}, ${way}: ${(rate / 1e6).toFixed(1)} Mbit/s`);
    t.true(share > 0.7 && share < 1.05, `${what}, ${way}: ${share} of the limit`);
  }
}

async function linkNames(host: Host): Promise<readonly string[]> {
  return (await host.links()).map(({ ifname }) => ifname);
}

for (const mode of ['bridge', 'tap', 'macvlan'] as const) {
  test(`bandwidth (${mode}): both ways keep to their rate, also after a restart, and detaching leaves nothing`, async t => {
    t.timeout(180_000);
    await inLab(t, `bandwidth-${mode}`, async lab => {
      const world = await WORLDS[mode](lab);
      const { vm, limited, network, address } = world;
      const place = { network, addresses: [`${address}/24`] };
      await attach(vm, limited, place);
      const free = await rates(world);
      t.true(free.ingress > 2 * LIMIT && free.egress > 2 * LIMIT, JSON.stringify(free));
      await vm.weft(['detach', limited.netns, '--network', network]);

      await attach(vm, limited, { ...place, more: RATES });
      const limit = { rate_bps: LIMIT, burst_bits: 1_048_576 };
      t.like((await localEndpoints(vm))[0], { bandwidth: { ingress: limit, egress: limit } });
      assertLimited(t, await rates(world), 'attached');
      // The same again is fine; without rates it is another one.
      await attach(vm, limited, { ...place, more: RATES });
      await t.throwsAsync(attach(vm, limited, place), { message: /other parameters/ });

      await vm.kill9();
      await limited.exec('tc', ['qdisc', 'del', 'dev', 'eth0', 'root']);
      if (mode !== 'bridge') await limited.ip(`link del dev ${await detourOf(limited)}`);
      await vm.restartWeft();
      assertLimited(t, await rates(world), 'after a restart');

      await vm.weft(['detach', limited.netns, '--network', network]);
      t.deepEqual(await linkNames(limited), ['lo']);
      t.deepEqual(
        (await linkNames(vm)).filter(name => /^w[vxb]/.test(name)),
        [],
      );
    });
  });
}

async function detourOf(container: Container): Promise<string> {
  return (await linkNames(container)).find(name => name.startsWith('wb')) ?? 'none';
}

test('bandwidth: a network of mode host refuses it', async t => {
  await inLab(t, 'bandwidth-host', async lab => {
    const vm = await addWeftVm(lab, 1, { networks: [] });
    await vm.weft(['network', 'create', 'edge', '--mode', 'host']);
    const refused = await vm.weft(['attach', '1', '--network', 'edge', ...RATES], { check: false });
    t.regex(refused.stderr, /has the interfaces of the VM, and no rates of its own/);
  });
});
