/** What operators are shown of the addresses of a network. */
import type { AddressPool } from './address-pool.ts';
import { type Block, blockSize } from './block.ts';
import { type CouncilState, RESTING } from './council-state.ts';
import type { Space } from './space.ts';

export interface OwnedRange {
  /** `10.1.0.0/28`. */
  readonly prefix: string;
  /** null: nobody; it rests since its owner was forgotten. */
  readonly owner: string | null;
}

export interface SpaceView {
  readonly prefix: string;
  readonly ranges: readonly OwnedRange[];
  /** Addresses that nobody owns, what rests and what is reserved included. */
  readonly unowned: bigint;
  /** Of this node. */
  readonly owned: number;
  readonly used: number;
  readonly free: number;
  readonly resting: number;
}

export interface IpamView {
  readonly spaces: readonly SpaceView[];
  readonly voters: readonly string[];
  /** Voters that are alive as far as we know. */
  readonly reachable: readonly string[];
  /** Decisions that we know. */
  readonly decided: number;
  readonly isFenced: boolean;
  readonly waitingFor: readonly string[];
  /** Posts that could not be read, by key. */
  readonly malformed: number;
  /** Decisions that contradict ours. Not 0: a bug, please report. */
  readonly diverged: number;
}

export function viewSpace(
  pool: AddressPool,
  state: CouncilState | undefined,
  index: number,
  now: number,
): SpaceView {
  const { space } = pool;
  const ranges: OwnedRange[] = [];
  let unowned = 0n;
  for (const [block, owner] of state?.spaces[index]?.leaves() ?? []) {
    if (owner === undefined || owner === RESTING) unowned += blockSize(block);
    if (owner !== undefined) {
      ranges.push({ prefix: formatBlock(space, block), owner: owner === RESTING ? null : owner });
    }
  }
  return {
    prefix: space.prefix,
    ranges,
    unowned,
    owned: pool.size,
    used: pool.claims.length,
    free: pool.free(now),
    resting: pool.restingCount(now),
  };
}

export function formatBlock(space: Space, { offset, bits }: Block): string {
  return `${space.addressOf(offset)}/${(space.family === 4 ? 32 : 128) - bits}`;
}
