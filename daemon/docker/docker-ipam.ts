/**
 * The IPAM driver: addresses of Docker's networks out of weft's own (ADR 21), so that no two VMs give the same one. A pool is a subnet, and has no
 * state; an address is a lease, known until dockerd gives it back.
 */
import { randomBytes } from 'node:crypto';
import type * as z from 'zod';
import { WeftError } from '../../dataplane/errors.ts';
import { hostPart, parseCidr, parseSubnet } from '../cidr.ts';
import type { IpamService } from '../ipam/ipam-service.ts';
import type { NetworkReport } from '../operations.ts';
import type { DockerNetworks } from './docker-networks.ts';
import type { DockerStore, Lease } from './docker-store.ts';
import { noGateway } from './network-options.ts';
import { ADDRESS_TYPE, type addressSchema, LABEL, type requestPoolSchema } from './protocol.ts';

export interface DockerIpamModules {
  readonly store: DockerStore;
  readonly networks: Pick<DockerNetworks, 'find'>;
  readonly ipam: Pick<IpamService, 'isManaged' | 'release' | 'take' | 'takeOne'>;
}

/** The pool of a network that was named with --ipam-opt network=NAME, or of any that has this subnet. */
interface PoolName {
  readonly network: string | undefined;
  readonly subnet: string;
}

export class DockerIpam {
  private readonly modules: DockerIpamModules;

  constructor(modules: DockerIpamModules) {
    this.modules = modules;
  }

  async requestPool(request: z.output<typeof requestPoolSchema>): Promise<object> {
    const { Pool, SubPool, V6 } = request;
    if (SubPool !== '') {
      throw new WeftError(
        'invalid_argument',
        'weft shares the addresses of a network out among the VMs itself',
        {
          hint: 'leave --ip-range out; what weft shall not give can be named with --aux-address',
        },
      );
    }
    const { network: named } = request.Options;
    const network = typeof named === 'string' ? named : undefined;
    const subnet = Pool === '' ? await this.subnetOf(network, V6) : parseSubnet(Pool);
    return {
      PoolID: poolId({ network, subnet }),
      Pool: subnet,
      // Without it, Docker would ask for an address to be the gateway.
      Data: { [LABEL.gateway]: noGateway(V6) },
    };
  }

  async requestAddress({ PoolID, Address, Options }: z.output<typeof addressSchema>): Promise<object> {
    const pool = parsePoolId(PoolID);
    const { prefix } = parseCidr(pool.subnet);
    const asGiven = { Address: `${Address}/${prefix}`, Data: {} };
    // Asked for by --gateway: it is somebody else's, and nothing of weft's.
    if (Options[ADDRESS_TYPE] === LABEL.gateway && Address !== '') return asGiven;
    const network = await this.networkOf(pool);
    // While the network is being made: --aux-address. It will be excluded (docker-networks.ts).
    if (network === undefined && Address !== '') return asGiven;
    if (network === undefined) throw nothingHas(pool);
    if (!this.modules.ipam.isManaged(network.name)) {
      if (Address !== '') return asGiven;
      throw new WeftError('invalid_argument', `network ${network.name} does not give addresses itself`, {
        hint: 'give one with --ip',
      });
    }
    return { Address: await this.lease(network.name, pool, Address), Data: {} };
  }

  /** What is not leased is fine: gateways and --aux-address are not. */
  async releaseAddress({ PoolID, Address }: z.output<typeof addressSchema>): Promise<void> {
    const pool = parsePoolId(PoolID);
    const network = await this.networkOf(pool).catch(() => undefined);
    const lease = this.modules.store.state.leases.find(
      known => known.address === Address && (network === undefined || known.network === network.name),
    );
    if (lease !== undefined) await this.end(lease);
  }

  /** Gives a lease back. */
  async end({ owner, network }: Lease): Promise<void> {
    const { ipam, store } = this.modules;
    await store.change(({ leases }) => ({ leases: leases.filter(lease => lease.owner !== owner) }));
    await ipam.release(network, owner);
  }

  private async lease(network: string, { subnet }: PoolName, wanted: string): Promise<string> {
    const { ipam, store } = this.modules;
    const owner = `docker-${randomBytes(6).toString('hex')}`;
    const family = subnet.includes(':') ? 6 : 4;
    try {
      const [taken = ''] =
        wanted === ''
          ? [await ipam.takeOne(network, owner, family)]
          : await ipam.take(network, owner, [`${wanted}/${parseCidr(subnet).prefix}`]);
      const address = hostPart(taken);
      await store.change(({ leases }) => ({ leases: [...leases, { owner, network, address }] }));
      return taken;
    } catch (error) {
      await ipam.release(network, owner);
      throw error;
    }
  }

  private async networkOf({ network, subnet }: PoolName): Promise<NetworkReport | undefined> {
    return await this.modules.networks.find(network, subnet);
  }

  private async subnetOf(name: string | undefined, isV6: boolean): Promise<string> {
    const network = name === undefined ? undefined : await this.modules.networks.find(name, '');
    const subnets = [network?.subnet, network?.subnet6];
    const found = subnets.find(subnet => subnet != null && subnet.includes(':') === isV6);
    if (found != null) return found;
    throw new WeftError(
      'invalid_argument',
      `weft needs a subnet of IPv${isV6 ? 6 : 4} to give addresses of`,
      {
        hint: 'give --subnet, or --ipam-opt network=NAME of a network that has one',
      },
    );
  }
}

function poolId({ network = '', subnet }: PoolName): string {
  return `${network} ${subnet}`;
}

function parsePoolId(id: string): PoolName {
  const [network = '', subnet = ''] = id.split(' ');
  return { network: network === '' ? undefined : network, subnet: parseSubnet(subnet) };
}

function nothingHas({ network, subnet }: PoolName): WeftError {
  return new WeftError(
    'not_found',
    `there is no network ${network ?? `with the subnet ${subnet}`} any more`,
    {
      hint: 'make it anew with docker network rm and docker network create',
    },
  );
}
