/**
 * Which nodes have a use for a network beyond its containers: a Docker network that is mapped to it. Each says so on the board, so that the last
 * one knows that it is the last.
 */
import type { PoolBoard } from './forgiving-board.ts';

/** Keys on the board: `use/NAME`. */
const PREFIX = 'use/';
const BODY = Buffer.from('{}');

export class NetworkUsers {
  private readonly board: PoolBoard;
  private readonly self: string;

  constructor(modules: { readonly board: PoolBoard }, options: { readonly self: string }) {
    this.board = modules.board;
    this.self = options.self;
  }

  /** Says whether this node uses the network. */
  set(network: string, isUsed: boolean): void {
    this.board.post(PREFIX + network, isUsed ? BODY : undefined);
  }

  /** Names of other nodes that use it. */
  others(network: string): readonly string[] {
    return [...this.board.posts()]
      .filter(({ origin, key }) => key === PREFIX + network && origin !== this.self)
      .map(({ origin }) => origin);
  }
}
