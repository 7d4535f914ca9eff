/** What the kernel knows of the way to other hosts: routes, neighbours, and whether IPsec lies on it. */
import type { IpAddress } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { ask, askBatch } from './ip.ts';
import { type Outcome, run } from './run.ts';

/** A route as `ip -json route get` tells it; only what weft reads. */
export interface Route {
  readonly dst: string;
  readonly dev: string;
  /** Address of the router; none when the destination is on the link. */
  readonly gateway?: string;
  /** The same, of another address family. */
  readonly via?: { readonly host: string };
  /** Of this path, when it is less than the link's: configured, or learnt from ICMP. */
  readonly metrics?: readonly { readonly mtu?: number }[];
}

/** An entry of the neighbour table (ARP, ND). */
export interface Neighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  /** NUD states of linux/neighbour.h, as in REACHABLE. */
  readonly state?: readonly string[];
}

/** The routes that packets from `source` take; those that have none are not in the answer. */
export async function routesTo(
  destinations: readonly IpAddress[],
  source: IpAddress,
): Promise<readonly Route[]> {
  const lines = destinations.map(destination => `route get ${destination} from ${source}`);
  return (await askBatch([], `${lines.join('\n')}\n`)) as Route[];
}

export async function listNeighbours(): Promise<readonly Neighbour[]> {
  return (await ask(['neigh', 'show'])) as Neighbour[];
}

/**
 * Tells the kernel that these neighbours are being sent to, as its own sends would: it confirms an entry that has become
 * stale, or finds out that it is wrong (RFC 4861 section 7.3.3). One that is gone meanwhile is passed over.
 */
export async function useNeighbours(neighbours: readonly Neighbour[]): Promise<void> {
  const lines = neighbours.map(({ dst, dev }) => `neigh change ${dst} dev ${dev} use`);
  await run(['ip', '-force', '-batch', '-'], undefined, `${lines.join('\n')}\n`);
}

/** Whether any policy makes the kernel encrypt what is sent. Throws WeftError when that cannot be found out. */
export async function hasOutgoingIpsec(): Promise<boolean> {
  return listsPolicies(await run(['ip', 'xfrm', 'policy', 'list', 'dir', 'out'], undefined, ''));
}

/** What `ip xfrm policy list` has said: whether there is any. Every refusal but the one that means none is thrown. */
export function listsPolicies({ code, stdout, stderr }: Outcome): boolean {
  if (code === 0) return stdout.trim() !== '';
  // EPROTONOSUPPORT from socket(2): there is no XFRM in this kernel, and no module of it.
  if (stderr.includes('Cannot open netlink socket: Protocol not supported')) return false;
  throw new WeftError('system', `ip xfrm policy list: ${stderr.trim() || `it ended with ${code}`}`);
}
