/**
 * Moves of one address that were contested: the one who had it did not take his claim back (RFC 7432 section 15.1). A container
 * that moves in good order leaves none behind, however often it moves: when its old place withdraws, the move is settled.
 */
import { DUPLICATE_MOVES, DUPLICATE_WINDOW } from './limits.ts';

interface Move {
  readonly at: number;
  readonly from: string;
  readonly to: string;
}

export class Moves {
  private moves: Move[] = [];

  add(at: number, from: string, to: string): void {
    this.moves.push({ at, from, to });
    if (this.moves.length > 2 * DUPLICATE_MOVES) this.moves.shift();
  }

  /** An origin has withdrawn: it takes no part in a contest, neither as the one nor as the other. */
  settle(origin: string): void {
    this.moves = this.moves.filter(({ from, to }) => from !== origin && to !== origin);
  }

  count(now: number): number {
    this.moves = this.moves.filter(({ at }) => now - at < DUPLICATE_WINDOW);
    return this.moves.length;
  }

  clear(): void {
    this.moves = [];
  }
}
