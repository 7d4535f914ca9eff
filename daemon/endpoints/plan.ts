/** From a request to the endpoint it asks for, and whether that may be made. Nothing is made here. */

import { WeftError } from '../../dataplane/errors.ts';
import { carriesIpv6 } from '../../dataplane/mtu.ts';
import type { SuperFrames } from '../../dataplane/tap-device.ts';
import { resolveNetns } from '../net/netns.ts';
import type { AttachRequest } from '../operations.ts';
import { type Endpoint, isSameInterface } from './endpoint.ts';
import { type HandoverRequest, handoverPlace } from './handover.ts';
import { formatStableMac, hostLinkName } from './names.ts';
import { requireInSubnets } from './subnet.ts';

/** What an interface of a network may send whole. */
export interface SuperFrameLimits {
  /** The most segments of a super-frame. */
  readonly gsoMaxSegs: number;
  /** What may cross its TAPs. */
  readonly superFrames: SuperFrames;
}

/** What an attachment needs to know of its network. */
export interface AttachableNetwork extends SuperFrameLimits {
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly subnet: string | undefined;
  readonly subnet6: string | undefined;
  readonly attach: 'bridge' | 'tap';
}

/** Throws `not_found` for a namespace, `invalid_argument` for an address that the network cannot carry. */
export async function planEndpoint(
  request: AttachRequest | HandoverRequest,
  network: AttachableNetwork,
  { nodeName, isManaged }: { readonly nodeName: string; readonly isManaged: boolean },
): Promise<Endpoint> {
  const { addresses } = request;
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
  const place = 'handover' in request ? handoverPlace(request, network) : await placeOf(request, network);
  // With an address, the MAC follows the address: a container that moves takes its MAC along, and no neighbour's cache
  // goes stale. Without one, it follows the place.
  const identity = addresses[0]?.split('/')[0];
  const vni = String(network.vni);
  const derivedMac =
    identity === undefined
      ? formatStableMac(nodeName, vni, String(place.netns.inode), place.ifname)
      : formatStableMac(vni, identity);
  return {
    network: network.name,
    vni: network.vni,
    attach: network.attach,
    ...place,
    mac: request.mac ?? derivedMac,
    addresses: [...addresses],
    mtu: network.mtu,
    ...(request.container !== undefined && { container: request.container }),
    ...(isManaged && addresses.length > 0 && { managed: true }),
    pending: true,
  };
}

async function placeOf(
  { netns: name, ifname }: AttachRequest,
  { attach }: AttachableNetwork,
): Promise<Pick<Endpoint, 'netns' | 'ifname' | 'hostLink'>> {
  const netns = await resolveNetns(name);
  return { netns, ifname, hostLink: hostLinkName(attach, netns.inode, ifname) };
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
    (mac === undefined || existing.mac === wanted.mac);
  if (same) return existing;
  throw new WeftError(
    'conflict',
    `${existing.ifname} of ${wanted.netns.name} is attached to network ${existing.network} with other parameters`,
    { hint: `detach it first: weft detach ${wanted.netns.name} --network ${existing.network}` },
  );
}

/** The endpoints that `wanted` cannot be attached beside: the same interface, and those with its addresses or MAC. */
export function rivalsOf(wanted: Endpoint, others: readonly Endpoint[]): readonly Endpoint[] {
  const interfaceOf = { inode: wanted.netns.inode, ifname: wanted.ifname };
  return others.filter(
    other => isSameInterface(other, interfaceOf) || sharedWith(wanted, other) !== undefined,
  );
}

/** Throws `conflict` when an address or the MAC is used by another endpoint of the network on this VM. */
export function refuseDuplicates(wanted: Endpoint, others: readonly Endpoint[]): void {
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
  if (other.network !== wanted.network) return undefined;
  const taken = wanted.addresses
    .map(hostPart)
    .find(address => other.addresses.map(hostPart).includes(address));
  return taken ?? (other.mac === wanted.mac ? wanted.mac : undefined);
}

function hostPart(cidr: string): string {
  return cidr.split('/')[0] ?? cidr;
}
