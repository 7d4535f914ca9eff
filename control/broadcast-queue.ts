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
  /** The same pieces by the number of their sends, each list from the oldest to the newest. */
  private readonly bySends: Piece[][] = [];
  /** No piece has fewer bytes. */
  private smallest = Number.POSITIVE_INFINITY;
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
    const older = this.pieces.get(about);
    if (older !== undefined) this.drop(older);
    const piece: Piece = { about, bytes, sends: 0, order: this.created++ };
    this.pieces.set(about, piece);
    this.place(piece);
    this.smallest = Math.min(this.smallest, bytes.length);
    this.listener();
  }

  /**
   * The messages to send along in a datagram with `room` bytes left, each counted as sent once more; a piece that
   * reaches `limit` sends is forgotten. Each costs its own bytes and those of its length in the compound.
   */
  take(room: number, limit: number, maxParts = MAX_COMPOUND_PARTS): Uint8Array[] {
    const taken: Piece[] = [];
    let left = room;
    for (const piece of this.inOrder()) {
      if (taken.length >= maxParts || this.smallest + COMPOUND_PART_BYTES > left) break;
      const cost = piece.bytes.length + COMPOUND_PART_BYTES;
      if (cost > left) continue;
      left -= cost;
      taken.push(piece);
    }
    for (const piece of taken) {
      this.drop(piece);
      piece.sends += 1;
      if (piece.sends >= limit) this.pieces.delete(piece.about);
      else this.place(piece);
    }
    if (this.pieces.size === 0) this.smallest = Number.POSITIVE_INFINITY;
    return taken.map(({ bytes }) => bytes);
  }

  private *inOrder(): Generator<Piece> {
    for (const pieces of this.bySends) {
      for (let index = pieces.length - 1; index >= 0; index--) yield pieces[index] as Piece;
    }
  }

  private place(piece: Piece): void {
    const pieces = this.listOf(piece);
    pieces.splice(placeOf(pieces, piece.order), 0, piece);
  }

  private drop(piece: Piece): void {
    const pieces = this.listOf(piece);
    pieces.splice(placeOf(pieces, piece.order), 1);
  }

  private listOf({ sends }: Piece): Piece[] {
    const known = this.bySends[sends];
    if (known !== undefined) return known;
    const pieces: Piece[] = [];
    this.bySends[sends] = pieces;
    return pieces;
  }
}

/** Where the piece of this order is, or would be. */
function placeOf(pieces: readonly Piece[], order: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pieces[middle] as Piece).order < order) low = middle + 1;
    else high = middle;
  }
  return low;
}
