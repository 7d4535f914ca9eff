/**
 * The gateway of a network: by which addresses its containers reach what is outside. Of an overlay and of mode bridge it is the VM itself, with the
 * same addresses and the same MAC on every VM; of mode macvlan it is a router of somebody else. All functions here are pure.
 */
import { type IpAddress, ipFamily, ipFromBytes, ipToBytes } from '../../dataplane/address.ts';
import { parseCidr } from '../cidr.ts';
import type { NetworkConfig } from '../config/config.ts';
import { formatStableMac } from '../endpoints/names.ts';

type GatewayConfig = Pick<
  NetworkConfig,
  'mode' | 'gateway' | 'gatewayAddresses' | 'subnet' | 'subnet6' | 'vni'
>;

/** The VM itself as the gateway of a network. */
export interface OwnGateway {
  readonly mac: string;
  /** With the prefix lengths of the subnets. */
  readonly addresses: readonly string[];
}

/** What containers send to that is not for their subnet, one address of a family at the most. */
export function gatewayAddresses(network: Omit<GatewayConfig, 'vni'>): readonly IpAddress[] {
  const { mode, gateway, gatewayAddresses: given, subnet, subnet6 } = network;
  if (mode === 'macvlan') return given;
  if (mode === 'host' || !(gateway || mode === 'bridge')) return [];
  const subnets = [subnet, subnet6].filter(one => one !== undefined);
  return subnets.map(one => {
    const { address } = parseCidr(one);
    return given.find(candidate => ipFamily(candidate) === ipFamily(address)) ?? firstOf(one);
  });
}

/** Undefined if the VM is no gateway of the network. */
export function ownGateway(network: GatewayConfig): OwnGateway | undefined {
  if (network.mode === 'macvlan') return undefined;
  const addresses = gatewayAddresses(network);
  if (addresses.length === 0) return undefined;
  const prefixes = [network.subnet, network.subnet6].filter(one => one !== undefined);
  return {
    mac: formatStableMac('gateway', String(network.vni)),
    addresses: addresses.map((address, index) => `${address}/${parseCidr(prefixes[index] ?? '').prefix}`),
  };
}

/** Addresses of the VM's own interface in the network, with prefix lengths. It solicits neighbours from a link-local one (RFC 4861 section 7.2.2). */
export function interfaceAddresses({ mac, addresses }: OwnGateway): readonly string[] {
  const isV6 = addresses.some(address => address.includes(':'));
  return isV6 ? [...addresses, `${linkLocalOf(mac)}/64`] : addresses;
}

/** The modified EUI-64 address (RFC 4291 appendix A). */
export function linkLocalOf(mac: string): IpAddress {
  const [a = 0, b = 0, c = 0, ...rest] = mac.split(':').map(byte => Number.parseInt(byte, 16));
  return ipFromBytes(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 0x02, b, c, 0xff, 0xfe, ...rest]));
}

/** The first address of a subnet that one host can have: of two that are joined (RFC 3021, RFC 6164) the subnet's own. */
export function firstOf(subnet: string): IpAddress {
  const { address, prefix } = parseCidr(subnet);
  const bytes = ipToBytes(address);
  if (prefix === 8 * bytes.length - 1) return address;
  const last = bytes.length - 1;
  return ipFromBytes(bytes.map((byte, index) => (index === last ? byte | 1 : byte)));
}
