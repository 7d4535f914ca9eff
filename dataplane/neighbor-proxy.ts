/**
 * Answers ARP and ND of local containers in the name of the stations that other nodes claim, and says how far the rest goes:
 *
 *   neighbor-message.ts   what a frame asks or tells
 *   neighbors.ts          who has the address
 *   neighbor-decision.ts  who answers, or how far it goes
 *   neighbor-responder.ts the answer
 */
import { DROP } from './drop-reasons.ts';
import { type FrameBatch, GSO_NONE } from './frame-batch.ts';
import { readSourceHigh, readSourceLow } from './headers/ethernet.ts';
import { decide } from './neighbor-decision.ts';
import { NeighborMessage } from './neighbor-message.ts';
import { NeighborResponder } from './neighbor-responder.ts';
import type { MovedAddress } from './neighbors.ts';
import type { Network, Reach } from './network.ts';

export class NeighborProxy {
  private readonly arena: DataView;
  private readonly message = new NeighborMessage();
  private readonly responder: NeighborResponder;

  /** `area`: as of {@link NeighborResponder}. */
  constructor(modules: { readonly arena: DataView; readonly area: number }) {
    this.arena = modules.arena;
    this.responder = new NeighborResponder(modules);
  }

  /** Descriptor 0 is the frame that was built last. */
  get built(): FrameBatch {
    return this.responder.built;
  }

  /**
   * How far a frame of a local port to a group goes, with its checksum complete; `answered`: nowhere, and {@link built} is
   * for the port that it came from; `dropped`: it is malformed, and counted. Allocates nothing.
   */
  examine(network: Network, batch: FrameBatch, i: number): Reach | 'answered' | 'dropped' {
    if (batch.gsoType(i) !== GSO_NONE) return 'everybody';
    const { arena, message } = this;
    const at = batch.offset(i);
    const kind = message.read(arena, at, batch.length(i));
    if (kind === 'none') return 'everybody';
    if (kind === 'malformed_arp' || kind === 'malformed_nd') {
      network.drops.add(kind === 'malformed_arp' ? DROP.arp_malformed : DROP.nd_malformed);
      return 'dropped';
    }
    const decision = decide(network, message, readSourceHigh(arena, at), readSourceLow(arena, at));
    if (typeof decision === 'string') return decision;
    this.responder.answer(message, at, decision);
    network.answered.add(message.family);
    return 'answered';
  }

  /** Builds what tells local containers that another station has the address now. */
  announce({ address, mac }: MovedAddress): void {
    this.responder.announce(address, mac);
  }
}
