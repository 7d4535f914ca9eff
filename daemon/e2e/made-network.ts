/** Networks that are made by command while all runs, and containers with addresses of their pools. */
import type { Container } from '../lab/container.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { addAttached } from './overlay.ts';

/** `weft network create NAME ARGS` on the first of the machines; returns when all of them know it. */
export async function createNetwork(
  vms: readonly Vm[],
  name: string,
  ...args: readonly string[]
): Promise<void> {
  await vms[0]?.weft(['network', 'create', name, ...args]);
  for (const vm of vms) {
    await waitFor(async () => (await vm.api.networks()).some(network => network.name === name), {
      what: `${vm.name} to know ${name}`,
      timeoutMs: 10_000,
    });
  }
}

/** Adds a container whose address the network gives it. */
export async function addAuto(
  vm: Vm,
  name: string,
  network: string,
): Promise<{ container: Container; address: string }> {
  const container = await addAttached(vm, name, { network, addresses: ['auto'] });
  return { container, address: await addressOf(vm, container) };
}

/** Its first address, without a length; '' if it has none. */
export async function addressOf(vm: Vm, container: Container): Promise<string> {
  const endpoints = await vm.api.endpoints();
  const endpoint = endpoints.find(({ netns }) => netns === container.netns);
  return endpoint?.addresses[0]?.replace(/\/.*/, '') ?? '';
}
