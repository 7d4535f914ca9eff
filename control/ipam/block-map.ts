/**
 * Which value each address of a space has, as an immutable binary trie: equal halves are one leaf, so that equal maps have
 * one form, and a change costs as many nodes as the space has bits.
 */
import { type Block, halves, holds } from './block.ts';

interface Split<T> {
  readonly left: Node<T>;
  readonly right: Node<T>;
}

interface Leaf<T> {
  readonly value: T | undefined;
}

type Node<T> = Leaf<T> | Split<T>;

const NOTHING: Leaf<never> = { value: undefined };

export class BlockMap<T extends string | number> {
  /** The space has 2^bits addresses. */
  readonly bits: number;
  private readonly root: Node<T>;

  constructor(bits: number, root: Node<T> = NOTHING) {
    this.bits = bits;
    this.root = root;
  }

  at(offset: bigint): T | undefined {
    let node = this.root;
    for (let bit = this.bits - 1; isSplit(node); bit--) {
      node = (offset >> BigInt(bit)) & 1n ? node.right : node.left;
    }
    return node.value;
  }

  /** Whether the block lies in the space and all of it has values that pass. */
  every(block: Block, passes: (value: T | undefined) => boolean): boolean {
    if (block.bits > this.bits || block.offset >> BigInt(this.bits) !== 0n) return false;
    for (const [, value] of this.within(block)) if (!passes(value)) return false;
    return true;
  }

  /** A map in which all of the block has this value. */
  with(block: Block, value: T | undefined): BlockMap<T> {
    return new BlockMap(this.bits, assign(this.root, this.whole, block, { value }));
  }

  /** Largest blocks of one value, in order; also those of none. */
  leaves(): [Block, T | undefined][] {
    return walk(this.root, this.whole, []);
  }

  /** The same, cut at the borders of a block. */
  within(block: Block): [Block, T | undefined][] {
    let node = this.root;
    for (let bit = this.bits - 1; isSplit(node) && bit >= block.bits; bit--) {
      node = (block.offset >> BigInt(bit)) & 1n ? node.right : node.left;
    }
    return walk(node, block, []);
  }

  /** Blocks that have a value, in order. */
  entries(): [Block, T][] {
    return this.leaves().filter((leaf): leaf is [Block, T] => leaf[1] !== undefined);
  }

  private get whole(): Block {
    return { offset: 0n, bits: this.bits };
  }
}

function isSplit<T>(node: Node<T>): node is Split<T> {
  return 'left' in node;
}

/** Appends to a list: nested generators would take ten times as long, and each node walks the map for each change of it. */
function walk<T>(node: Node<T>, block: Block, into: [Block, T | undefined][]): [Block, T | undefined][] {
  if (isSplit(node)) {
    const [left, right] = halves(block);
    walk(node.left, left, into);
    walk(node.right, right, into);
  } else into.push([block, node.value]);
  return into;
}

function assign<T>(node: Node<T>, at: Block, block: Block, leaf: Leaf<T>): Node<T> {
  if (at.bits <= block.bits) return leaf;
  const [first] = halves(at);
  const { left, right } = isSplit(node) ? node : { left: node, right: node };
  const isLeft = holds(first, block.offset);
  const half = { offset: isLeft ? at.offset : first.offset + (1n << BigInt(first.bits)), bits: first.bits };
  return isLeft ? join(assign(left, half, block, leaf), right) : join(left, assign(right, half, block, leaf));
}

function join<T>(left: Node<T>, right: Node<T>): Node<T> {
  return !isSplit(left) && !isSplit(right) && left.value === right.value ? left : { left, right };
}
