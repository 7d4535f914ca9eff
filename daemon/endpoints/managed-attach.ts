/** Attaching where the network gives the addresses: they are asked for first, which may take seconds, and given back if it fails. */
import type { AttachRequest } from '../operations.ts';
import type { Endpoint } from './endpoint.ts';
import type { AttachableNetworks } from './endpoint-services.ts';
import type { Endpoints } from './endpoints.ts';
import { locateRequest } from './plan.ts';

/** Addresses that networks give (ipam/ipam-service.ts). The owner of one is the host link of its endpoint. */
export interface EndpointAddresses {
  isManaged(network: string): boolean;
  /** Whether some of these addresses are the network's to give. */
  gives(network: string, addresses: readonly string[]): boolean;
  /** `auto` among the wanted is one of each subnet. Throws `unavailable`, `conflict`. */
  take(network: string, owner: string, wanted: readonly string[]): Promise<readonly string[]>;
  release(network: string, owner: string): Promise<void>;
  isUsable(network: string, owner: string): boolean;
}

export interface ManagedAttachModules {
  readonly endpoints: Pick<Endpoints, 'all' | 'attach'>;
  readonly networks: Pick<AttachableNetworks, 'find'>;
  readonly addresses: EndpointAddresses;
}

export class ManagedAttach {
  private readonly modules: ManagedAttachModules;

  constructor(modules: ManagedAttachModules) {
    this.modules = modules;
  }

  /** As {@link Endpoints.attach}; `auto` may be among the addresses. Throws besides what {@link EndpointAddresses.take} throws. */
  async attach(request: AttachRequest): Promise<Endpoint> {
    const { addresses, endpoints, networks } = this.modules;
    const { name, attach } = networks.find(request.network);
    if (!request.addresses.includes('auto') && !addresses.isManaged(name))
      return await endpoints.attach(request);
    const { hostLink: owner } = await locateRequest(request, attach);
    try {
      const taken = await addresses.take(name, owner, request.addresses);
      return await endpoints.attach({ ...request, addresses: taken });
    } catch (error) {
      // One that is attached already keeps what it has.
      const isAttached = endpoints
        .all()
        .some(({ hostLink, network }) => hostLink === owner && network === name);
      if (!isAttached) await addresses.release(name, owner);
      throw error;
    }
  }
}
