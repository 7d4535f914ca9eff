/**
 * Where the soak takes place: three machines with weft, two containers for each kind of traffic, and some that come, go and move.
 *
 *   bulk  198.18.0.1 ─┐                                       ┌─ bulk  198.18.0.2
 *   small 198.18.0.3 ─┴─ [ weft a ] ══╦══════ [ weft b ] ─────┴─ small 198.18.0.4
 *                                     ║
 *                                [ weft c ]      rovers and guests 198.18.1.0/24, on any of them
 */
import type { Container } from '../../daemon/lab/container.ts';
import type { Lab } from '../../daemon/lab/lab.ts';
import { ping } from '../../daemon/lab/ping.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { waitFor } from '../../daemon/lab/wait-for.ts';
import type { AttachMode } from '../../daemon/lab/weft-config.ts';

export const NETWORK = 'blue';
export const SUBNET = '198.18.0.0/16';
export const BROADCAST = '198.18.255.255';

/** A container on a that sends to one on b. */
export interface Pair {
  readonly client: Container;
  readonly server: Container;
  /** Of the server. */
  readonly address: string;
}

export interface Machines {
  readonly vms: readonly [Vm, Vm, Vm];
  readonly bulk: Pair;
  readonly small: Pair;
}

export async function buildMachines(lab: Lab, attach: AttachMode, gossipKey: string): Promise<Machines> {
  const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
  const b = await lab.addVm('b', { underlay: '192.0.2.2/24' });
  const c = await lab.addVm('c', { underlay: '192.0.2.3/24' });
  const vms = [a, b, c] as const;
  for (const vm of vms) {
    await vm.startWeft({
      networks: [{ name: NETWORK, vni: 42, subnet: SUBNET, attach }],
      override: {
        gossip: { join: vm === a ? [] : [a.underlay], key: gossipKey },
        // What an operator would run. Without a listener the delay of the event loop is not measured.
        log: { level: 'info' },
        metrics: { listen: '127.0.0.1:9473' },
      },
    });
  }
  for (const vm of vms) {
    await waitFor(async () => (await vm.api.peers()).filter(({ state }) => state === 'alive').length === 2, {
      what: `${vm.name} to see its peers`,
    });
  }
  const machines = {
    vms,
    bulk: await addPair(a, b, 'bulk', ['198.18.0.1', '198.18.0.2']),
    small: await addPair(a, b, 'small', ['198.18.0.3', '198.18.0.4']),
  };
  // So that the trickle of broadcast is answered, and it is seen whether it arrives.
  await machines.small.server.sysctl({ 'net.ipv4.icmp_echo_ignore_broadcasts': 0 });
  for (const pair of [machines.bulk, machines.small]) await waitForAnswer(pair.client, pair.address);
  return machines;
}

export async function waitForAnswer(from: Container, address: string, timeoutMs = 10_000): Promise<void> {
  await waitFor(async () => (await ping(from, address, { count: 1, waitS: 1 })).received === 1, {
    what: `an answer of ${address} to ${from.name}`,
    timeoutMs,
  });
}

async function addPair(a: Vm, b: Vm, name: string, [near, far]: readonly [string, string]): Promise<Pair> {
  const client = await a.addContainer(name);
  const server = await b.addContainer(name);
  await attach(a, client.netns, near);
  await attach(b, server.netns, far);
  return { client, server, address: far };
}

export async function attach(vm: Vm, netns: string, address: string): Promise<void> {
  await vm.api.attach({
    netns,
    network: NETWORK,
    addresses: [`${address}/16`],
    ifname: 'eth0',
    mac: undefined,
  });
}

export async function detach(vm: Vm, netns: string): Promise<void> {
  await vm.api.detach({ netns, network: NETWORK, ifname: 'eth0' });
}
