/** What the tests of claims share: pools of several machines, and what each of them has to know of all containers. */
import type { Container } from '../lab/container.ts';
import { auditFdb, type Whereabouts } from '../lab/fdb-audit.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { addWeftVm, type PairOptions } from './overlay.ts';

/** Daemons that are started at one time: a dozen on two processors would be in each other's way. */
const STARTS_AT_ONCE = 3;

/** Adds machines `a`, `b`, ... which all know the address of `a`, and waits until each sees all others alive. */
export async function startPool(lab: Lab, count: number, options: PairOptions = {}): Promise<readonly Vm[]> {
  const vms: Vm[] = [];
  while (vms.length < count) {
    const numbers = Array.from(
      { length: Math.min(STARTS_AT_ONCE, count - vms.length) },
      (_, i) => vms.length + i + 1,
    );
    vms.push(...(await Promise.all(numbers.map(async n => await addWeftVm(lab, n, options)))));
  }
  await waitForPool(vms);
  return vms;
}

/** {@link startPool} of three, by name. */
export async function startThree(lab: Lab, options: PairOptions = {}): Promise<{ a: Vm; b: Vm; c: Vm }> {
  const [a, b, c] = await startPool(lab, 3, options);
  if (a === undefined || b === undefined || c === undefined)
    throw new Error('unreachable: three were asked for');
  return { a, b, c };
}

/** Waits until each of these sees all others of them alive. */
export async function waitForPool(vms: readonly Vm[], timeoutMs = 30_000): Promise<void> {
  await Promise.all(
    vms.map(async vm => {
      const others = vms.filter(other => other !== vm).map(({ name }) => name);
      await waitFor(
        async () => {
          const peers = await vm.api.peers();
          const alive = new Set(peers.filter(({ state }) => state === 'alive').map(({ name }) => name));
          return others.every(name => alive.has(name));
        },
        { what: `${vm.name} to see ${others.join(', ')} alive`, timeoutMs },
      );
    }),
  );
}

/** Everything that is wrong with the forwarding tables of these machines. */
export async function audit(vms: readonly Vm[], truth: Whereabouts): Promise<string[]> {
  const wrong = await Promise.all(
    vms.map(async vm => auditFdb(vm.underlay, await vm.api.fdb(), truth).map(line => `${vm.name}: ${line}`)),
  );
  return wrong.flat();
}

/** Waits until the forwarding tables of all these machines have all containers where they are, and nothing else. */
export async function waitForTruth(
  vms: readonly Vm[],
  truth: Whereabouts,
  options: { readonly timeoutMs?: number; readonly intervalMs?: number } = {},
): Promise<void> {
  await waitFor(
    async () => {
      const wrong = await audit(vms, truth);
      if (wrong.length === 0) return true;
      throw new Error(`${wrong.length} entries are wrong, as in ${wrong.slice(0, 5).join('; ')}`);
    },
    { what: 'every forwarding table to be right', intervalMs: 20, ...options },
  );
}

/** A container that sends nothing of its own accord but what announces it: it has no IPv6. */
export async function addQuiet(vm: Vm, name: string): Promise<Container> {
  const container = await vm.addContainer(name);
  await container.sysctl({
    'net.ipv6.conf.all.disable_ipv6': 1,
    'net.ipv6.conf.default.disable_ipv6': 1,
  });
  return container;
}

/** Attaches `eth0` of a namespace to blue with these CIDRs, by the API; its MAC address. */
export async function attachBy(
  vm: Vm,
  netns: string,
  addresses: readonly string[],
  mac?: string,
): Promise<string> {
  const attached = await vm.api.attach({ netns, network: 'blue', addresses, ifname: 'eth0', mac });
  if (attached.mac === null) throw new Error('unreachable: blue is an overlay');
  return attached.mac;
}

/** Takes `eth0` of a namespace out of blue, by the API. */
export async function detachBy(vm: Vm, netns: string): Promise<void> {
  await vm.api.detach({ netns, network: 'blue', ifname: 'eth0' });
}
