/** Which block a node is given that asks for space: about a quarter of the largest that is free, from where it splits least. */
import { type Block, blockAround } from './block.ts';
import { BlockMap } from './block-map.ts';
import { RESTING } from './council-state.ts';
import { GRANT_MAX_BITS, GRANT_MIN_BITS } from './limits.ts';
import type { Space } from './space.ts';

/** `isRested`: whether a block that was taken from a forgotten node may be granted again. */
export function chooseBlock(
  space: Space,
  map: BlockMap<string>,
  isRested: (block: Block) => boolean,
): Block | undefined {
  const free = [...usable(space, map, isRested)];
  const largest = free.reduce((most, { bits }) => Math.max(most, bits), -1);
  if (largest < 0) return undefined;
  const quarter = Math.min(largest - 2, GRANT_MAX_BITS[space.family]);
  const bits = Math.min(largest, Math.max(quarter, GRANT_MIN_BITS));
  let best: Block | undefined;
  for (const block of free) {
    if (block.bits >= bits && block.bits < (best?.bits ?? Number.POSITIVE_INFINITY)) best = block;
  }
  return best && { offset: best.offset, bits };
}

/** The largest block of at most 16 addresses around this one that nobody owns; of what is static, this one alone. */
export function fixedBlock(space: Space, map: BlockMap<string>, offset: bigint): Block | undefined {
  const most = space.useOf(offset) === 'static' ? 0 : Math.min(GRANT_MIN_BITS, map.bits);
  for (let bits = most; bits >= 0; bits--) {
    const block = blockAround(offset, bits);
    if (map.every(block, owner => owner === undefined || owner === RESTING)) return block;
  }
  return undefined;
}

/** Whether there is anything to grant at all; `resting`: also what must not be granted yet. */
export function hasUnowned(space: Space, map: BlockMap<string>, resting: boolean): boolean {
  return !usable(space, map, () => resting).next().done;
}

/** What is reserved, as a map: kept by its space. */
const reservedMaps = new WeakMap<Space, BlockMap<number>>();

function* usable(space: Space, map: BlockMap<string>, isRested: (block: Block) => boolean): Generator<Block> {
  const reserved = reservedMap(space);
  for (const [leaf, owner] of map.leaves()) {
    if (owner !== undefined && (owner !== RESTING || !isRested(leaf))) continue;
    for (const [block, isReserved] of reserved.within(leaf)) {
      if (isReserved === undefined && space.dynamicIn(block) > 0n) yield block;
    }
  }
}

function reservedMap(space: Space): BlockMap<number> {
  let map = reservedMaps.get(space);
  if (map === undefined) {
    map = new BlockMap<number>(space.bits);
    for (const block of space.reservedBlocks()) map = map.with(block, 1);
    reservedMaps.set(space, map);
  }
  return map;
}
