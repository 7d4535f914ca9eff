/** Where things of weft's are deleted: in each mode a container on `a`, whom it reaches, and all of weft's that is to be as it was. */
import type { Container } from '../lab/container.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { ATTACH_MODES, addAttached, BLUE, startPair } from './overlay.ts';

/** Overlays attach by pairs (`bridge`) or TAPs; of the others each VM has its own. */
export const DRIFT_MODES = [...ATTACH_MODES, 'mode bridge', 'mode macvlan'] as const;
export type DriftMode = (typeof DRIFT_MODES)[number];

export interface Scene {
  readonly a: Vm;
  /** Machines that are to know a container of `a` as long as it is attached. */
  readonly witnesses: readonly Vm[];
  readonly container: Container;
  readonly network: string;
  /** Whom the container reaches, and by which addresses these two know each other. */
  readonly peer: Host;
  readonly peerAddress: string;
  readonly address: string;
  /** Addresses of one more container, by a number from 0. */
  more(n: number): readonly string[];
}

const ROUTE = '203.0.113.0/24';

type Environment = Readonly<Record<string, string>>;

/** `env`: that of the daemons. */
export async function startScene(lab: Lab, mode: DriftMode, env: Environment = {}): Promise<Scene> {
  if (mode === 'mode macvlan') return await startMacvlan(lab, env);
  if (mode === 'mode bridge') return await startLocal(lab, env);
  const networks = [{ ...BLUE, subnet6: '2001:db8:18::/64', gateway: true }];
  const { a, b } = await startPair(lab, { attach: mode, networks, env });
  const addresses = (n: number) => [`198.18.0.${n}/24`, `2001:db8:18::${n}/64`];
  const container = await addRouted(a, { network: 'blue', addresses: addresses(11), gateway: '198.18.0.12' });
  const peer = await addAttached(b, 'c1', { addresses: addresses(12) });
  return {
    ...{ a, witnesses: [a, b], container, network: 'blue', peer },
    ...{ address: '198.18.0.11', peerAddress: '198.18.0.12' },
    more: n => addresses(n + 20),
  };
}

async function startLocal(lab: Lab, env: Environment): Promise<Scene> {
  const { a } = await startPair(lab, { networks: [], env });
  await a.weft(['network', 'create', 'apps', '--mode', 'bridge', '--subnet', '198.18.0.0/24']);
  const at = (n: number) => ({ network: 'apps', addresses: [`198.18.0.${n}/24`] });
  const container = await addRouted(a, { ...at(11), gateway: '198.18.0.12' });
  const peer = await addAttached(a, 'c2', at(12));
  return {
    ...{ a, witnesses: [a], container, network: 'apps', peer },
    ...{ address: '198.18.0.11', peerAddress: '198.18.0.12' },
    more: n => at(n + 20).addresses,
  };
}

async function startMacvlan(lab: Lab, env: Environment): Promise<Scene> {
  const { a } = await startPair(lab, { networks: [], env });
  const peer = await lab.addVm('out', { underlay: '192.0.2.99/24' });
  await a.weft([
    ...['network', 'create', 'lan', '--mode', 'macvlan', '--parent', 'eth0', '--subnet', '192.0.2.0/24'],
    ...['--gateway-address', '192.0.2.99', '--ipam', 'none'],
  ]);
  const at = (n: number) => ({ network: 'lan', addresses: [`192.0.2.${n}/24`] });
  const container = await addRouted(a, { ...at(101), gateway: '192.0.2.98' });
  return {
    ...{ a, witnesses: [a], container, network: 'lan', peer },
    ...{ address: '192.0.2.101', peerAddress: '192.0.2.99' },
    more: n => at(n + 103).addresses,
  };
}

/** With a route of its own beside those by the gateway of the network, as plugins ask for it. */
async function addRouted(
  a: Vm,
  { network, addresses, gateway }: { network: string; addresses: readonly string[]; gateway: string },
): Promise<Container> {
  const container = await a.addContainer('c1');
  await a.api.attach({
    ...{ netns: container.netns, network, ifname: 'eth0', mac: undefined },
    ...{ addresses, routes: [{ dst: ROUTE, gateway }] },
  });
  return container;
}

interface Device {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly address: string;
  readonly master?: string;
  readonly addr_info: readonly {
    readonly local: string;
    readonly prefixlen: number;
    readonly scope: string;
  }[];
}

interface KernelRoute {
  readonly dst: string;
  readonly dev: string;
  readonly gateway?: string;
  readonly metric?: number;
}

/** Devices, addresses and routes of weft's on the machine and in the container, a line for each. */
export async function stateOf({ a, container }: Pick<Scene, 'a' | 'container'>): Promise<string> {
  const outside = await linesOf(a, name => /^w[ftv]/.test(name));
  const inside = await linesOf(container, name => name === 'eth0');
  return [...outside, '-- in the container', ...inside].join('\n');
}

async function linesOf(host: Host, isOurs: (ifname: string) => boolean): Promise<readonly string[]> {
  const [devices, ...routes] = await Promise.all([
    host.ipJson<Device[]>('address', 'show'),
    host.ipJson<KernelRoute[]>('-4', 'route', 'show'),
    host.ipJson<KernelRoute[]>('-6', 'route', 'show'),
  ]);
  const links = devices
    .filter(({ ifname }) => isOurs(ifname))
    .flatMap(({ ifname, mtu, flags, address, master = '-', addr_info }) => [
      // The end of a pair on the host gets another MAC with each pair, which nobody sees.
      [ifname, mtu, flags.includes('UP') ? 'up' : 'down', master, /^wv/.test(ifname) ? '' : address].join(
        ' ',
      ),
      // Those that the kernel makes for the interface of a container come when it pleases.
      ...addr_info
        .filter(({ scope }) => scope === 'global' || ifname !== 'eth0')
        .map(({ local, prefixlen }) => `${ifname} ${local}/${prefixlen}`),
    ]);
  const ways = routes
    .flat()
    .filter(({ dev, dst }) => isOurs(dev) && !(dev === 'eth0' && dst.startsWith('fe80:')))
    .map(({ dst, dev, gateway = '-', metric = 0 }) => `${dst} via ${gateway} dev ${dev} metric ${metric}`);
  return [...links, ...ways].toSorted();
}

/** The state once it stays the same: addresses and routes of IPv6 come a moment after their interface. */
export async function settledState(scene: Scene): Promise<string> {
  let last = '';
  return await waitFor(
    async () => {
      const now = await stateOf(scene);
      const isSettled = now === last;
      last = now;
      return isSettled ? now : undefined;
    },
    { what: 'nothing to change any more', intervalMs: 1000 },
  );
}
