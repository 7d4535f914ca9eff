/** From a request to the endpoint it asks for, and whether that may be made. Nothing is made here. */

import type { IpAddress } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { carriesIpv6 } from '../../dataplane/mtu.ts';
import type { SuperFrames } from '../../dataplane/tap-device.ts';
import { hostPart } from '../cidr.ts';
import type { MacvlanMode, NetworkMode } from '../config/config.ts';
import { resolveNetns, resolveOwnNetns } from '../net/netns.ts';
import type { AttachRequest } from '../operations.ts';
import { bandwidthKey } from './bandwidth.ts';
import { type AttachKind, type Endpoint, isSameInterface } from './endpoint.ts';
import { gatewayRoutes } from './gateway-routes.ts';
import { type HandoverRequest, handoverPlace } from './handover.ts';
import { macvlanMtu } from './macvlan-attach.ts';
import { formatStableMac, hostLinkName } from './names.ts';
import { formatPortMapping, refuseTakenPorts, sharedPort } from './port-mapping.ts';
import { routesKey } from './route.ts';
import { requireInSubnets } from './subnet.ts';

/** What an interface of a network may send whole. */
export interface SuperFrameLimits {
  /** The most segments of a super-frame. */
  readonly gsoMaxSegs: number;
  /** What may cross its TAPs. */
  readonly superFrames: SuperFrames;
  /** Of the endpoint that is restored: its TAP, from an earlier process. @default none */
  readonly passed?: readonly number[];
}

/** What an attachment needs to know of its network. */
export interface AttachableNetwork extends SuperFrameLimits {
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly subnet: string | undefined;
  readonly subnet6: string | undefined;
  readonly attach: AttachKind;
  /** @default 'overlay' */
  readonly mode?: NetworkMode;
  /** Routers by which its containers reach what is outside, one of a family at the most. @default none */
  readonly gateways?: readonly IpAddress[];
  /** This VM is its gateway: ports can be published. @default false */
  readonly isRouted?: boolean;
  /** macvlan: what its interfaces share, whom they reach, and the MTU that was asked for. */
  readonly parent?: string | undefined;
  readonly macvlanMode?: MacvlanMode;
  readonly wantedMtu?: number | 'auto';
}

export interface PlanContext {
  readonly nodeName: string;
  readonly isManaged: boolean;
  /** The endpoints that there are. */
  readonly others: readonly Endpoint[];
}

/** The endpoint that two requests for the same have in common: what it is known by on this VM. */
export async function locateRequest(
  { netns: name, ifname, container }: AttachRequest,
  kind: AttachKind,
): Promise<Pick<Endpoint, 'attach' | 'hostLink' | 'ifname' | 'netns'>> {
  const netns = kind === 'host' ? await resolveOwnNetns(name) : await resolveNetns(name);
  const key = kind === 'host' ? `${container?.id ?? name} ${ifname}` : ifname;
  return { attach: kind, netns, ifname, hostLink: hostLinkName(kind, netns.inode, key) };
}

/** Throws `not_found` for a namespace, `invalid_argument` for what the network cannot carry. */
export async function planEndpoint(
  request: AttachRequest | HandoverRequest,
  network: AttachableNetwork,
  { nodeName, isManaged, others }: PlanContext,
): Promise<Endpoint> {
  const { addresses, ports = [] } = request;
  const { mode = 'overlay' } = network;
  requireFits(request, network);
  const bandwidth = 'bandwidth' in request ? request.bandwidth : undefined;
  if (bandwidth !== undefined && network.attach === 'host') {
    throw new WeftError(
      'invalid_argument',
      `a container in network ${network.name} of mode host has the interfaces of the VM, and no rates of its own`,
      { hint: 'give none' },
    );
  }
  for (const address of addresses) requireInSubnets(address, [network.subnet, network.subnet6]);
  if (addresses.some(address => address.includes(':')) && !carriesIpv6(network.mtu)) {
    throw new WeftError(
      'invalid_argument',
      `network ${network.name} has MTU ${network.mtu}, IPv6 needs 1280`,
      {
        hint: 'raise the MTU of the network, or give IPv4 addresses only',
      },
    );
  }
  const place =
    'handover' in request
      ? handoverPlace(request, network.attach)
      : await locateRequest(request, network.attach);
  const mtu =
    mode === 'macvlan' ? await macvlanMtu({ ...network, config: network.wantedMtu ?? 'auto' }) : network.mtu;
  // With an address, the MAC follows the address: a container that moves takes its MAC along, and no neighbour's cache
  // goes stale. Without one, it follows the place.
  const [identity] = addresses.map(hostPart);
  const vni = String(network.vni);
  const derivedMac =
    identity === undefined
      ? formatStableMac(nodeName, vni, String(place.netns.inode), place.ifname)
      : formatStableMac(vni, identity);
  return {
    network: network.name,
    vni: network.vni,
    ...place,
    ...(mode !== 'overlay' && { mode }),
    mac: request.mac ?? derivedMac,
    addresses: [...addresses],
    mtu,
    ...gatewayRoutes({ addresses: [...addresses], ...place }, network, others),
    ...(ports.length > 0 && { ports: [...ports] }),
    ...(bandwidth !== undefined && { bandwidth }),
    ...('routes' in request && request.routes !== undefined && { routes: [...request.routes] }),
    ...(request.container !== undefined && { container: request.container }),
    ...(request.names !== undefined && request.names.length > 0 && { names: [...request.names] }),
    ...(request.resolver === false && { resolver: false }),
    ...(isManaged && addresses.length > 0 && { managed: true }),
    pending: true,
  };
}

/** Throws `invalid_argument`. */
function requireFits(
  { addresses, ports = [] }: Pick<AttachRequest, 'addresses' | 'ports'>,
  network: AttachableNetwork,
): void {
  const { name, mode = 'overlay', gateways = [], isRouted = false } = network;
  const refuse = (message: string, hint: string): never => {
    throw new WeftError('invalid_argument', message, { hint });
  };
  if (mode === 'host' && addresses.length > 0)
    refuse(`a container in network ${name} of mode host has the addresses of the VM`, 'give none');
  if (ports.length > 0 && !isRouted) {
    const hint =
      mode === 'host'
        ? 'its ports are those of the VM already'
        : 'make the network with --gateway, or of mode bridge, or publish no ports';
    refuse(`ports cannot be published in network ${name}: this VM is not its gateway`, hint);
  }
  if (ports.length > 0 && addresses.length === 0)
    refuse('ports can be published for an address only', 'give one with --address, or auto');
  const taken = addresses.map(hostPart).find(address => gateways.some(gateway => gateway === address));
  if (taken !== undefined) refuse(`${taken} is the gateway of network ${name}`, 'give another address');
}

/** Whether the network is still what an endpoint on record was attached to. */
export function isStillOf(endpoint: Endpoint, { vni, attach, mode = 'overlay' }: AttachableNetwork): boolean {
  return endpoint.vni === vni && endpoint.attach === attach && (endpoint.mode ?? 'overlay') === mode;
}

/** An attached interface asked for again: the same is a success, anything else a conflict. */
export function requireSame(
  existing: Endpoint,
  wanted: Endpoint,
  { mac }: Pick<AttachRequest, 'mac'>,
): Endpoint {
  const same =
    existing.network === wanted.network &&
    existing.addresses.join() === wanted.addresses.join() &&
    existing.container?.id === wanted.container?.id &&
    existing.names?.join() === wanted.names?.join() &&
    existing.resolver === wanted.resolver &&
    routesKey(existing.routes) === routesKey(wanted.routes) &&
    bandwidthKey(existing.bandwidth) === bandwidthKey(wanted.bandwidth) &&
    portsOf(existing) === portsOf(wanted) &&
    (mac === undefined || existing.mac === wanted.mac);
  if (same) return existing;
  throw new WeftError(
    'conflict',
    `${existing.ifname} of ${wanted.netns.name} is attached to network ${existing.network} with other parameters`,
    { hint: `detach it first: weft detach ${wanted.netns.name} --network ${existing.network}` },
  );
}

function portsOf({ ports = [] }: Endpoint): string {
  return ports.map(formatPortMapping).toSorted().join();
}

/**
 * The endpoints that `wanted` cannot be attached beside: the same interface, and those with its addresses, MAC or ports. And those of its namespace, which
 * may be of one that is gone and had the same inode: afterwards it has a number, and who looks cannot tell.
 */
export function rivalsOf(wanted: Endpoint, others: readonly Endpoint[]): readonly Endpoint[] {
  return others.filter(
    other =>
      isSameInterface(other, wanted) ||
      isSameNamespace(other, wanted) ||
      sharedWith(wanted, other) !== undefined ||
      sharedPort(wanted, other) !== undefined,
  );
}

/** Of those on the host the namespace is the VM's, and of those that a runtime has not taken yet none. */
function isSameNamespace(one: Endpoint, other: Endpoint): boolean {
  return one.attach !== 'host' && one.netns.inode !== 0 && one.netns.inode === other.netns.inode;
}

/** Throws `conflict` when an address or the MAC is used by another endpoint of the network on this VM, or a port by one of any network. */
export function refuseDuplicates(wanted: Endpoint, others: readonly Endpoint[]): void {
  refuseTakenPorts(wanted, others);
  for (const other of others) {
    const what = sharedWith(wanted, other);
    if (what === undefined) continue;
    throw new WeftError(
      'conflict',
      `${what} is taken in network ${wanted.network} by ${other.ifname} of ${other.netns.name}`,
      { hint: 'choose another one, or detach that interface first' },
    );
  }
}

/** An address or the MAC that both have in the same network. */
function sharedWith(wanted: Endpoint, other: Endpoint): string | undefined {
  // Those in the namespace of the VM have nothing of their own.
  if (other.network !== wanted.network || wanted.attach === 'host') return undefined;
  const taken = wanted.addresses
    .map(hostPart)
    .find(address => other.addresses.map(hostPart).includes(address));
  return taken ?? (other.mac === wanted.mac ? wanted.mac : undefined);
}
