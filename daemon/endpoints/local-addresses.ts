/**
 * Addresses of networks that each VM has for itself: nobody else need be asked. Those in use are those of the endpoints on record; what is on its way
 * to one is remembered. The search goes on where it last ended, so that an address that was given back rests while others are free.
 */
import { Space } from '../../control/ipam/space.ts';
import { type IpAddress, parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { hostPart, parseCidr } from '../cidr.ts';
import type { NetworkConfig } from '../config/config.ts';
import { gatewayAddresses } from '../networks/gateway.ts';
import { type Endpoint, ipsOf } from './endpoint.ts';
import type { EndpointAddresses } from './managed-attach.ts';

export interface LocalAddressesModules {
  /** As it stands in the configuration or was made by command; undefined: there is none, or it is not for this VM alone. */
  readonly find: (network: string) => NetworkConfig | undefined;
  readonly endpointsOf: (network: string) => readonly Pick<Endpoint, 'addresses' | 'hostLink'>[];
}

export class LocalAddresses implements EndpointAddresses {
  private readonly modules: LocalAddressesModules;
  /** By network and owner: those of endpoints that are not on record yet. */
  private readonly reserved = new Map<string, Map<string, readonly IpAddress[]>>();
  /** Where the search goes on, by network and prefix. */
  private readonly cursors = new Map<string, bigint>();

  constructor(modules: LocalAddressesModules) {
    this.modules = modules;
  }

  isManaged(network: string): boolean {
    return this.modules.find(network) !== undefined;
  }

  gives(network: string, addresses: readonly string[]): boolean {
    return this.isManaged(network) && addresses.length > 0;
  }

  async take(network: string, owner: string, wanted: readonly string[]): Promise<readonly string[]> {
    const config = this.require(network);
    const spaces = spacesOf(config);
    const inUse = this.inUse(network, owner);
    const taken: string[] = [];
    const reserved: IpAddress[] = [];
    for (const given of wanted) {
      const addresses =
        given === 'auto'
          ? (this.own(network, owner, spaces) ?? spaces.map(space => this.next(network, space, inUse)))
          : [given];
      for (const address of addresses) {
        const host = parseIp(hostPart(address));
        if (inUse.has(host)) {
          throw new WeftError('conflict', `${host} is in use in network ${network} on this VM`, {
            hint: 'choose another one, or auto',
          });
        }
        taken.push(address);
        reserved.push(host);
      }
    }
    const owners = this.reserved.get(network) ?? new Map<string, readonly IpAddress[]>();
    this.reserved.set(network, owners.set(owner, reserved));
    return taken;
  }

  async release(network: string, owner: string): Promise<void> {
    const owners = this.reserved.get(network);
    owners?.delete(owner);
    if (owners?.size === 0) this.reserved.delete(network);
  }

  isUsable(): boolean {
    return true;
  }

  /** What it has got already: to ask again changes nothing. */
  private own(network: string, owner: string, spaces: readonly Space[]): readonly string[] | undefined {
    const endpoint = this.modules.endpointsOf(network).find(({ hostLink }) => hostLink === owner);
    const addresses = endpoint?.addresses.filter(address =>
      spaces.some(space => space.offsetOf(parseCidr(address).address) !== undefined),
    );
    return addresses?.length === spaces.length ? addresses : undefined;
  }

  private inUse(network: string, owner: string): ReadonlySet<IpAddress> {
    const others = this.modules.endpointsOf(network).filter(({ hostLink }) => hostLink !== owner);
    const reserved = [...(this.reserved.get(network) ?? [])].flatMap(([other, addresses]) =>
      other === owner ? [] : addresses,
    );
    return new Set([...others.flatMap(ipsOf), ...reserved]);
  }

  private next(network: string, space: Space, inUse: ReadonlySet<IpAddress>): string {
    const key = `${network} ${space.prefix}`;
    const size = 1n << BigInt(space.bits);
    // Each address is looked at once; in a large subnet a free one is found long before.
    let offset = this.cursors.get(key) ?? 0n;
    for (let seen = 0; seen <= 2 * inUse.size + 2 * MAX_RESERVED; seen++) {
      offset = space.nextDynamic(offset);
      if (offset >= size) {
        offset = 0n;
        continue;
      }
      const address = space.addressOf(offset);
      offset += 1n;
      if (inUse.has(address)) continue;
      this.cursors.set(key, offset);
      return `${address}/${parseCidr(space.prefix).prefix}`;
    }
    throw new WeftError(
      'unavailable',
      `network ${network} has no free address in ${space.prefix} on this VM`,
      {
        hint: 'detach containers that are not needed, or make a network with a larger subnet',
      },
    );
  }

  private require(network: string): NetworkConfig {
    const config = this.modules.find(network);
    if (config !== undefined) return config;
    throw new WeftError('invalid_argument', `network ${network} does not give addresses itself`, {
      hint: 'give an address, as in --address 198.18.0.2/24',
    });
  }
}

/** Beginnings of the search that lie in what is reserved: subnet, gateway, broadcast, 16 ranges. */
const MAX_RESERVED = 20;

function spacesOf(network: NetworkConfig): readonly Space[] {
  const gateways = gatewayAddresses(network);
  return [network.subnet, network.subnet6]
    .filter(prefix => prefix !== undefined)
    .map(prefix => {
      const ofFamily = (range: string) => range.includes(':') === prefix.includes(':');
      const { exclude = [], static: fixed = [] } = network.ipam ?? {};
      return new Space({
        prefix,
        // The subnet's own address is not one host's in IPv6 either (RFC 4291 section 2.6.1).
        exclude: [...exclude, ...gateways, parseCidr(prefix).address].filter(ofFamily),
        static: fixed.filter(ofFamily),
      });
    });
}

/** Of several that give addresses, the one that a network belongs to; the last gives those of all others. */
export function joinedAddresses(local: EndpointAddresses, pool: EndpointAddresses): EndpointAddresses {
  const of = (network: string) => (local.isManaged(network) ? local : pool);
  return {
    isManaged: network => of(network).isManaged(network),
    gives: (network, addresses) => of(network).gives(network, addresses),
    take: (network, owner, wanted) => of(network).take(network, owner, wanted),
    release: (network, owner) => of(network).release(network, owner),
    isUsable: (network, owner) => of(network).isUsable(network, owner),
  };
}
