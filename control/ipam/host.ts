/** What the machine asks of its surroundings. All of it is given: the daemon's, or the simulator's. */

/** Single-writer registers that reach everybody in the end: newest values only, in any order between keys and writers. */
export type PostToBoard = (key: string, body: Uint8Array | undefined) => void;

/**
 * What has to survive a crash. A part that has not changed since the last save is the same object. All three are to be replaced
 * as one.
 */
export interface SavedState {
  /** Who we are, our claims, and what rests. */
  readonly local: Uint8Array;
  /** What we have promised and accepted as a voter. */
  readonly vote: Uint8Array;
  /** The state of the council that we know; undefined: none yet. */
  readonly council: Uint8Array | undefined;
}

export interface Journal {
  /** Durable when it resolves. It is not called again before. A rejection stops the machine: `failed` is told. */
  save(state: SavedState): Promise<void>;
}

export interface Liveness {
  /**
   * For how long a node was not heard, in milliseconds: 0 while membership holds it for alive, Infinity if it never was.
   * It must not be longer than since a message of ours was last answered there.
   */
  silentFor(node: string): number;
  /** `clock.now()` of the last proof that messages pass both ways; null: none. */
  lastTwoWay(node: string): number | null;
}
