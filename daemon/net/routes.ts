/** What the kernel knows of the way to other hosts: routes, neighbours, and whether IPsec lies on it. */
import type { IpAddress } from '../../dataplane/address.ts';
import { ask, askBatch } from './ip.ts';
import { run } from './run.ts';

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

/** Whether any policy makes the kernel encrypt what is sent. */
export async function hasOutgoingIpsec(): Promise<boolean> {
  // A kernel without IPsec refuses the question.
  const { stdout } = await run(['ip', 'xfrm', 'policy', 'list', 'dir', 'out'], undefined, '');
  return stdout.trim() !== '';
}
