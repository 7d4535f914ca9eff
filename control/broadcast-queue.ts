/**
 * News waiting to be spread (SWIM section 4.1). Each piece is sent a limited number of times, those sent least often
 * first, and a newer piece about the same member takes the place of the older one.
 */
import { COMPOUND_PART_BYTES, MAX_COMPOUND_PARTS } from './constants.ts';

interface Piece {
  readonly about: string;
  readonly bytes: Uint8Array;
  sends: number;
  /** Larger is newer. */
  readonly order: number;
}

/** retransmitMult · ceil(log10(poolSize + 1)), SWIM's lambda·log n. */
export function retransmitLimit(retransmitMult: number, poolSize: number): number {
  return retransmitMult * Math.ceil(Math.log10(poolSize + 1));
}

export class BroadcastQueue {
  private readonly pieces = new Map<string, Piece>();
  /** The pieces in sending order; rebuilt when `stale`. */
  private ordered: Piece[] = [];
  private stale = false;
  private created = 0;
  private listener: () => void = () => {};

  /** Number of members there is news of: at most one piece each, which bounds the queue. */
  get size(): number {
    return this.pieces.size;
  }

  has(about: string): boolean {
    return this.pieces.has(about);
  }

  /** Calls the listener, the only one, at each push from now on. */
  onPush(listener: () => void): void {
    this.listener = listener;
  }

  /** Queues an encoded message about a member and forgets older news of it. */
  push(about: string, bytes: Uint8Array): void {
    this.pieces.set(about, { about, bytes, sends: 0, order: this.created++ });
    this.stale = true;
    this.listener();
  }

  /**
   * The messages to send along in a datagram with `room` bytes left, each counted as sent once more; a piece that
   * reaches `limit` sends is forgotten. Each costs its own bytes and those of its length in the compound.
   */
  take(room: number, limit: number, maxParts = MAX_COMPOUND_PARTS): Uint8Array[] {
    if (this.pieces.size === 0) return [];
    const taken: Uint8Array[] = [];
    let left = room;
    for (const piece of this.inOrder()) {
      if (taken.length >= maxParts) break;
      const cost = piece.bytes.length + COMPOUND_PART_BYTES;
      if (cost > left) continue;
      left -= cost;
      taken.push(piece.bytes);
      piece.sends += 1;
      this.stale = true;
      if (piece.sends >= limit) this.pieces.delete(piece.about);
    }
    return taken;
  }

  private inOrder(): readonly Piece[] {
    if (this.stale) {
      this.ordered = [...this.pieces.values()].sort((a, b) => a.sends - b.sends || b.order - a.order);
      this.stale = false;
    }
    return this.ordered;
  }
}
