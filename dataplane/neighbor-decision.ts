/**
 * What becomes of an ARP or ND message that a local container sends to a group. Who has an address is known by claims and
 * attachments (neighbors.ts): so nobody else need be asked, as in the proxy of RFC 9161.
 */
import type { NeighborMessage } from './neighbor-message.ts';
import type { Neighbor } from './neighbors.ts';
import type { Network, Reach } from './network.ts';

/**
 * The station in whose name it is to be answered, or how far the message goes. `high`, `low`: source of the frame. Allocates
 * nothing.
 */
export function decide(
  network: Network,
  message: NeighborMessage,
  high: number,
  low: number,
): Neighbor | Reach {
  const { neighbors, unknownAddress } = network;
  const owners = neighbors.find(message.family, message.a, message.b, message.c, message.d);
  if (message.kind === 'probe') return decideProbe(owners, message, high, low);
  const owner = owners?.[0];
  if (owner === undefined) return unknownAddress;
  // Nodes that gossip know it already, from whoever told us.
  if (message.kind === 'announcement') return 'silent';
  // It is near, and answers for itself.
  if (owner.isLocal) return 'local';
  // A station that has just moved here, ahead of the news.
  if (isAt(owner, high, low)) return 'silent';
  // Somebody asks in another's name: nothing is told to either.
  return message.isFromSource ? owner : unknownAddress;
}

/** A duplicate is found when it is told of one: the other who claims the address answers, if there is one. */
function decideProbe(
  owners: readonly Neighbor[] | undefined,
  message: NeighborMessage,
  high: number,
  low: number,
): Neighbor | Reach {
  if (owners === undefined || !message.isFromSource) return 'silent';
  for (let i = 0; i < owners.length; i++) {
    const owner = owners[i] as Neighbor;
    if (!owner.isLocal && !isAt(owner, high, low)) return owner;
  }
  return 'silent';
}

function isAt(owner: Neighbor, high: number, low: number): boolean {
  return owner.low === low && owner.high === high;
}
