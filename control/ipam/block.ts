/** Aligned blocks of addresses: 2^bits of them, the first a multiple of their number, as in CIDR (RFC 4632 section 3.1). */

/** Offsets count from the first address of the space. */
export interface Block {
  readonly offset: bigint;
  readonly bits: number;
}

export function blockSize({ bits }: Block): bigint {
  return 1n << BigInt(bits);
}

/** The block of that size that holds the offset. */
export function blockAround(offset: bigint, bits: number): Block {
  const shift = BigInt(bits);
  return { offset: (offset >> shift) << shift, bits };
}

export function isAligned({ offset, bits }: Block): boolean {
  return offset >= 0n && (offset & ((1n << BigInt(bits)) - 1n)) === 0n;
}

export function holds(block: Block, offset: bigint): boolean {
  return offset >= block.offset && offset < block.offset + blockSize(block);
}

/** Both halves of a block of more than one address. */
export function halves({ offset, bits }: Block): readonly [Block, Block] {
  const half = bits - 1;
  return [
    { offset, bits: half },
    { offset: offset + (1n << BigInt(half)), bits: half },
  ];
}

/** The fewest blocks that make up first … last, both included. */
export function* blocksOf(first: bigint, last: bigint): Generator<Block> {
  for (let offset = first; offset <= last; ) {
    let bits = 0;
    while (isAligned({ offset, bits: bits + 1 }) && offset + (1n << BigInt(bits + 1)) - 1n <= last) bits++;
    yield { offset, bits };
    offset += 1n << BigInt(bits);
  }
}
