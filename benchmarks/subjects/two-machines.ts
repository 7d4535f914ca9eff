/** The place that all subjects are built in: two machines on one underlay, a container on each. */
import type { Container } from '../../daemon/lab/container.ts';
import type { Lab } from '../../daemon/lab/lab.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { waitFor } from '../../daemon/lab/wait-for.ts';

export interface Side {
  readonly vm: Vm;
  readonly container: Container;
  /** Underlay address with its prefix length. */
  readonly underlay: string;
  /** Address of the container with its prefix length. */
  readonly address: string;
}

export interface TwoMachines {
  readonly near: Side;
  readonly far: Side;
}

/** IPv4 and UDP headers: what a tunnel's own header and the inner packet have less than the underlay's MTU. */
export const IPV4_UDP = 28;
/** VXLAN on IPv4: inner Ethernet, VXLAN, UDP and IPv4 headers. */
export const VXLAN_OVERHEAD = 50;

export async function twoMachines(lab: Lab): Promise<TwoMachines> {
  const side = async (name: string, underlay: string, address: string): Promise<Side> => {
    const vm = await lab.addVm(name, { underlay });
    return { vm, container: await vm.addContainer('c1'), underlay, address };
  };
  return {
    near: await side('a', '192.0.2.1/24', '198.18.0.1/24'),
    far: await side('b', '192.0.2.2/24', '198.18.0.2/24'),
  };
}

/** The address of a side's container without the prefix length. */
export function plain(cidr: string): string {
  return cidr.replace(/\/.*/, '');
}

/** Waits until the other program has made its device. */
export async function waitForLink(vm: Vm, ifname: string): Promise<void> {
  await waitFor(() => vm.link(ifname), { what: `the device ${ifname} of ${vm.name}` });
}

/** Joins the container to a bridge with a device that carries Ethernet frames: container ── bridge ── device. */
export async function bridged(side: Side, device: string, mtu: number): Promise<void> {
  const { vm, container, address } = side;
  await vm.ip(`link set dev ${device} mtu ${mtu} up`);
  const near = await vm.plug(container, { addresses: [address], mtu });
  await vm.addBridge('br0', { mtu, ports: [near, device] });
}

/**
 * For overlays that carry IP packets and no frames: each container in a subnet of its own, 198.18.1.0/24 and
 * 198.18.2.0/24, routed by its machine into the device. `gateways` are the addresses of the devices where a route needs
 * one. Returns the address of the far container.
 */
export async function routed(
  machines: TwoMachines,
  device: string,
  options: { readonly mtu: number; readonly gateways?: readonly [near: string, far: string] },
): Promise<string> {
  const { mtu, gateways } = options;
  const sides = [
    { ...machines.near, own: '198.18.1', other: '198.18.2.0/24', gateway: gateways?.[1] },
    { ...machines.far, own: '198.18.2', other: '198.18.1.0/24', gateway: gateways?.[0] },
  ];
  for (const { vm, container, own, other, gateway } of sides) {
    const via = gateway === undefined ? '' : ` via ${gateway}`;
    await vm.ip(`link set dev ${device} mtu ${mtu} up`, `route replace ${other}${via} dev ${device}`);
    const near = await vm.plug(container, { addresses: [`${own}.2/24`], mtu });
    await vm.ip(`addr add ${own}.1/24 dev ${near}`);
    await container.ip(`route add default via ${own}.1`);
    await vm.sysctl({ 'net.ipv4.ip_forward': 1 });
  }
  return '198.18.2.2';
}
