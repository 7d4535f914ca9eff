/**
 * Endpoints as dockerd makes them: told of first (CreateEndpoint), attached when their container starts (Join). Docker takes the interface into
 * the container itself (endpoints/handover.ts).
 */
import { WeftError } from '../../dataplane/errors.ts';
import { hostPart, parseInterfaceAddress } from '../cidr.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { endpointFields } from '../endpoints/endpoint-fields.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';
import type { HandoverRequest } from '../endpoints/handover.ts';
import { formatStableMac } from '../endpoints/names.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import type { PortWish } from '../endpoints/port-choice.ts';
import type { Log } from '../log.ts';
import type { DockerNetworks } from './docker-networks.ts';
import type { DockerStore } from './docker-store.ts';
import { endpointOptions } from './endpoint-options.ts';
import { portWishes } from './port-map.ts';
import { type CreateEndpoint, LABEL } from './protocol.ts';

const RUNTIME = 'docker';

export interface DockerEndpointsModules {
  readonly store: DockerStore;
  readonly networks: Pick<DockerNetworks, 'nameOf'>;
  readonly carrier: { find(name: string): AttachableNetwork };
  readonly endpoints: Pick<Endpoints, 'all' | 'publish' | 'remove' | 'withdraw'>;
  readonly attach: (request: HandoverRequest) => Promise<Endpoint>;
  readonly nodeName: string;
  readonly log: Log;
}

export class DockerEndpoints {
  private readonly modules: DockerEndpointsModules;
  /** Attachments under way, by the ids of their endpoints. */
  private readonly joining = new Map<string, Promise<unknown>>();

  constructor(modules: DockerEndpointsModules) {
    this.modules = modules;
  }

  /** Nothing is made yet. Throws `not_found`, `invalid_argument`. */
  async create({ NetworkID, EndpointID, Interface, Options }: CreateEndpoint): Promise<object> {
    const { carrier, networks, nodeName, store } = this.modules;
    const network = carrier.find(networks.nameOf(NetworkID));
    const { Address, AddressIPv6, MacAddress } = Interface;
    const addresses = [Address, AddressIPv6].filter(address => address !== '').map(parseInterfaceAddress);
    const [port] = portWishes(Options[LABEL.portMap]);
    if (port !== undefined) requirePublishable(network, addresses, port);
    const { names, resolver } = endpointOptions(Options);
    const [identity] = addresses;
    // As everywhere: the MAC follows the address, and without one the place (endpoints/plan.ts).
    const place = identity === undefined ? [nodeName, EndpointID] : [hostPart(identity)];
    const mac = MacAddress === '' ? formatStableMac(String(network.vni), ...place) : MacAddress;
    const made = {
      id: EndpointID,
      networkId: NetworkID,
      addresses,
      mac,
      ...(names.length > 0 && { names: [...names] }),
      ...(!resolver && { resolver }),
    };
    await store.change(({ endpoints }) => ({
      endpoints: [...endpoints.filter(({ id }) => id !== EndpointID), made],
    }));
    // "Values that were given must not be given back" (libnetwork/docs/remote.md).
    return { Interface: MacAddress === '' ? { MacAddress: mac } : {} };
  }

  /** Makes the interface. Throws what attaching throws. */
  async join(id: string, sandbox: string): Promise<object> {
    const { attach, networks, store } = this.modules;
    const told = store.state.endpoints.find(endpoint => endpoint.id === id);
    if (told === undefined) throw new WeftError('not_found', `weft knows no endpoint ${id.slice(0, 12)}`);
    const network = networks.nameOf(told.networkId);
    const { addresses, mac, names, networkId, resolver } = told;
    const container = { runtime: RUNTIME, id, network: networkId };
    const leases = this.leasesOf(network, addresses);
    const request = {
      network,
      addresses,
      mac,
      container,
      handover: { id, sandbox },
      leases,
      ...(names !== undefined && { names }),
      ...(resolver !== undefined && { resolver }),
    };
    const attached = this.attached(id) ?? (await this.underWay(id, attach(request)));
    return { InterfaceName: { SrcName: attached.handover, DstPrefix: 'eth' }, ...wayOut(attached) };
  }

  /**
   * Its ports lead to it: Docker says so of the one network of a container by which it has its way out. Throws `not_found`, `conflict`, and what the
   * firewall throws.
   */
  async publish(id: string, options: Readonly<Record<string, unknown>>): Promise<void> {
    const { endpoints, log } = this.modules;
    const wishes = portWishes(options[LABEL.portMap]);
    const attached = this.attached(id);
    if (attached === undefined) throw new WeftError('not_found', `weft has no endpoint ${id.slice(0, 12)}`);
    if (wishes.length === 0) return;
    const { ports = [] } = await endpoints.publish(attached, wishes);
    // Docker 20.10 shows nobody the ports of a driver that is not its own.
    for (const { hostPort } of ports)
      log.info(
        { ...endpointFields(attached), port: hostPort },
        'a port of this VM leads to a container of Docker',
      );
  }

  /** No ports lead to it any more; one that is not known is fine. */
  async withdraw(id: string): Promise<void> {
    const attached = this.attached(id);
    if (attached !== undefined) await this.modules.endpoints.withdraw(attached);
  }

  /** Off the network and off the record; one that is not known is fine. */
  async delete(id: string): Promise<void> {
    const { endpoints, store } = this.modules;
    // One that dockerd has given up waiting for is still to come.
    await this.joining.get(id)?.catch(() => {});
    const attached = this.attached(id);
    if (attached !== undefined) await endpoints.remove(attached);
    if (!store.state.endpoints.some(endpoint => endpoint.id === id)) return;
    await store.change(state => ({ endpoints: state.endpoints.filter(endpoint => endpoint.id !== id) }));
  }

  attached(id: string): Endpoint | undefined {
    return this.modules.endpoints
      .all()
      .find(({ container }) => container?.runtime === RUNTIME && container.id === id);
  }

  /** Ids of endpoints that are attached, and that Docker has not told of or has deleted. */
  strays(): readonly string[] {
    const { endpoints, store } = this.modules;
    const told = new Set(store.state.endpoints.map(({ id }) => id));
    return endpoints.all().flatMap(({ container }) => {
      return container?.runtime === RUNTIME && !told.has(container.id) ? [container.id] : [];
    });
  }

  private async underWay<T>(id: string, work: Promise<T>): Promise<T> {
    this.joining.set(id, work);
    try {
      return await work;
    } finally {
      this.joining.delete(id);
    }
  }

  /** Undefined: another IPAM driver has given the addresses, and weft has not heard of them yet. */
  private leasesOf(network: string, addresses: readonly string[]): readonly string[] | undefined {
    const hosts = addresses.map(hostPart);
    const leases = this.modules.store.state.leases.filter(
      lease => lease.network === network && hosts.includes(lease.address),
    );
    return leases.length === 0 ? undefined : leases.map(({ owner }) => owner);
  }
}

/** What Docker is told of the way out of a network. */
function wayOut({ gateways = [] }: Endpoint): object {
  const Gateway = gateways.find(gateway => !gateway.includes(':'));
  const GatewayIPv6 = gateways.find(gateway => gateway.includes(':'));
  return {
    ...(Gateway !== undefined && { Gateway }),
    ...(GatewayIPv6 !== undefined && { GatewayIPv6 }),
    // Else Docker would join every container without a gateway of IPv4 to a bridge of its own besides.
    ...(Gateway === undefined && { DisableGatewayService: true }),
  };
}

/** What was asked for and is not done would be found out by nobody. */
function requirePublishable(
  { isRouted = false, name }: AttachableNetwork,
  addresses: readonly string[],
  { containerPort }: PortWish,
): void {
  if (isRouted && addresses.length > 0) return;
  const reason = isRouted ? 'the container has no address' : 'this VM is not its gateway';
  throw new WeftError(
    'invalid_argument',
    `port ${containerPort} cannot be published in network ${name}: ${reason}`,
    {
      hint: isRouted
        ? 'make the network of Docker with --ipam-driver weft'
        : 'make the network with -o gateway=true, or leave -p out: other containers of the network reach every port of this one',
    },
  );
}
