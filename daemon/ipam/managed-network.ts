/** Which networks give addresses themselves, and out of what. All functions here are pure. */
import { createHash } from 'node:crypto';
import type { SpaceOptions } from '../../control/ipam/space.ts';
import { parseCidr } from '../cidr.ts';
import type { IpamConfig, NetworkConfig } from '../config/config.ts';
import { gatewayAddresses } from '../networks/gateway.ts';

export interface ManagedNetwork {
  /** Tells it from others that have its name before or after: 16 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly spaces: readonly SpaceOptions[];
  /** Who begins, of a network of the configuration; of one that was made by command its maker does. */
  readonly founders: readonly string[];
}

/** Undefined if somebody else gives its addresses. `id`: of a network that was made by command. */
export function managedNetwork(network: NetworkConfig, id?: string): ManagedNetwork | undefined {
  const { name, ipam, mode, subnet, subnet6 } = network;
  const prefixes = [subnet, subnet6].filter(prefix => prefix !== undefined);
  // A network that each VM has for itself: endpoints/local-addresses.ts.
  if (ipam === undefined || mode === 'bridge' || prefixes.length === 0) return undefined;
  const exclude = [...ipam.exclude, ...gatewayAddresses(network)];
  const spaces = prefixes.map(prefix => spaceOf(prefix, { ...ipam, exclude }));
  return { id: id ?? configuredId(network, ipam.founders), name, spaces, founders: ipam.founders };
}

/** The same on all nodes that have the same network in their configuration. */
function configuredId({ name, vni, subnet, subnet6 }: NetworkConfig, founders: readonly string[]): string {
  const identity = JSON.stringify([name, vni, subnet ?? null, subnet6 ?? null, founders]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16);
}

function spaceOf(prefix: string, { exclude, static: fixed }: IpamConfig): SpaceOptions {
  const isV6 = prefix.includes(':');
  const ofFamily = (range: string) => range.includes(':') === isV6;
  return { prefix, exclude: exclude.filter(ofFamily), static: fixed.filter(ofFamily) };
}

/** The address as an interface gets it: with the length of the subnet's prefix. */
export function withPrefix(address: string, { spaces }: ManagedNetwork): string {
  const space = spaces.find(({ prefix }) => prefix.includes(':') === address.includes(':'));
  return `${address}/${parseCidr(space?.prefix ?? '').prefix}`;
}
