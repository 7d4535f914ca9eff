/** The addresses of one space that this node owns: who uses which, and which rest after use. Whoever changes it saves it. */
import { WeftError } from '../../dataplane/errors.ts';
import { type Block, blockSize, halves, holds } from './block.ts';
import type { Space } from './space.ts';

export interface Claim {
  readonly offset: bigint;
  readonly owner: string;
}

/** Released addresses whose rest is over and that are still remembered, so that others are taken first. */
const REMEMBERED = 256;

export class AddressPool {
  readonly space: Space;
  private readonly rest: number;
  private readonly used = new Map<bigint, string>();
  private readonly byOwner = new Map<string, bigint>();
  /** When each was released, by {@link Clock.now}, as all times here; the oldest first. */
  private readonly releases = new Map<bigint, number>();
  private owned: readonly Block[] = [];
  private leaving: readonly Block[] = [];
  /** Where the search goes on, so that what was just released is not the first that is found. */
  private cursor = 0n;

  constructor(space: Space, options: { readonly rest: number }) {
    this.space = space;
    this.rest = options.rest;
  }

  /** `leaving`: blocks of ours that have been promised to others. */
  set(owned: readonly Block[], leaving: readonly Block[]): void {
    this.owned = owned;
    this.leaving = leaving;
    for (const offset of this.releases.keys()) if (!this.owns(offset)) this.releases.delete(offset);
  }

  get claims(): Claim[] {
    return [...this.used].map(([offset, owner]) => ({ offset, owner }));
  }

  /** Address and time of release; negative infinity: its rest is over. */
  released(now: number): [bigint, number][] {
    return Array.from(this.releases, ([offset, at]) => [
      offset,
      this.isResting(at, now) ? at : Number.NEGATIVE_INFINITY,
    ]);
  }

  restore(claims: readonly Claim[], released: readonly (readonly [bigint, number])[]): void {
    for (const claim of claims) this.put(claim);
    for (const [offset, at] of released) this.releases.set(offset, at);
  }

  /** Forgets all claims. Returns what they were. */
  clear(): Claim[] {
    const { claims } = this;
    for (const map of [this.used, this.byOwner, this.releases]) map.clear();
    return claims;
  }

  find(owner: string): bigint | undefined {
    return this.byOwner.get(owner);
  }

  holder(offset: bigint): string | undefined {
    return this.used.get(offset);
  }

  owns(offset: bigint): boolean {
    return this.owned.some(block => holds(block, offset));
  }

  /** Takes the next free address; undefined: there is none. The same one for an owner that has one. */
  take(owner: string, now: number): bigint | undefined {
    const known = this.byOwner.get(owner);
    if (known !== undefined) return known;
    const offset = this.unused(this.cursor) ?? this.unused(0n) ?? this.rested(now);
    if (offset === undefined) return undefined;
    this.cursor = offset + 1n;
    this.put({ offset, owner });
    return offset;
  }

  /** Takes this address of ours, also if it rests. False: it is promised to another node. Throws `conflict` if it is in use. */
  takeFixed(owner: string, offset: bigint): boolean {
    const holder = this.used.get(offset);
    const address = this.space.addressOf(offset);
    if (holder === owner) return true;
    if (holder !== undefined) {
      throw new WeftError('conflict', `${address} is in use here, by ${holder}`, {
        hint: 'choose another address, or detach it first',
      });
    }
    const other = this.byOwner.get(owner);
    if (other !== undefined) {
      throw new WeftError('conflict', `${owner} has ${this.space.addressOf(other)} in this network`, {
        hint: 'release it first',
      });
    }
    if (this.isLeaving(offset)) return false;
    this.put({ offset, owner });
    return true;
  }

  /** Returns whether it was in use. */
  release(offset: bigint, now: number): boolean {
    const owner = this.used.get(offset);
    if (owner === undefined) return false;
    this.used.delete(offset);
    this.byOwner.delete(owner);
    this.releases.set(offset, now);
    this.forgetRested(now);
    return true;
  }

  /** How many addresses `take` could give now. */
  free(now: number): number {
    let count = 0n;
    for (const block of this.owned) count += this.space.dynamicIn(block);
    for (const block of this.leaving) count -= this.space.dynamicIn(block);
    const isTaken = (offset: bigint): boolean => this.space.useOf(offset) === 'dynamic';
    for (const offset of this.used.keys()) if (isTaken(offset)) count -= 1n;
    for (const [offset, at] of this.releases) {
      if (this.isResting(at, now) && isTaken(offset) && !this.isLeaving(offset)) count -= 1n;
    }
    return Number(count);
  }

  get size(): number {
    return Number(this.owned.reduce((sum, block) => sum + this.space.dynamicIn(block), 0n));
  }

  restingCount(now: number): number {
    return [...this.releases.values()].filter(at => this.isResting(at, now)).length;
  }

  /** When the next address that rests may be used again; undefined: none rests. */
  nextRested(now: number): number | undefined {
    const times = [...this.releases.values()].filter(at => this.isResting(at, now));
    return times.length === 0 ? undefined : Math.min(...times) + this.rest;
  }

  /** Half of the largest block in which nothing is used or rests; all of it if it is a single address. */
  spare(now: number): Block | undefined {
    const taken = [...this.used.keys()];
    for (const [offset, at] of this.releases) if (this.isResting(at, now)) taken.push(offset);
    let best: Block | undefined;
    for (const block of this.owned) {
      for (const part of freeParts(block, taken, this.leaving)) {
        if (part.bits > (best?.bits ?? -1) && this.space.dynamicIn(part) > 0n) best = part;
      }
    }
    if (best === undefined || best.bits === 0) return best;
    const [low, high] = halves(best);
    return this.space.dynamicIn(high) > 0n ? high : low;
  }

  /** Whether this address could be given away. */
  isSpare(offset: bigint): boolean {
    return this.owns(offset) && !this.used.has(offset) && !this.isLeaving(offset);
  }

  private put({ offset, owner }: Claim): void {
    this.used.set(offset, owner);
    this.byOwner.set(owner, offset);
    this.releases.delete(offset);
  }

  private unused(from: bigint): bigint | undefined {
    for (const block of this.owned) {
      const end = block.offset + blockSize(block);
      for (let offset = from > block.offset ? from : block.offset; offset < end; ) {
        const next = this.space.nextDynamic(offset);
        const gift = this.leaving.find(leaving => holds(leaving, next));
        if (gift !== undefined) offset = gift.offset + blockSize(gift);
        else if (next >= end) break;
        else if (!this.used.has(next) && !this.releases.has(next)) return next;
        else offset = next + 1n;
      }
    }
    return undefined;
  }

  private rested(now: number): bigint | undefined {
    for (const [offset, at] of this.releases) {
      const isFree = !this.isResting(at, now) && !this.isLeaving(offset) && this.owns(offset);
      if (isFree && this.space.useOf(offset) === 'dynamic') return offset;
    }
    return undefined;
  }

  private isResting(at: number, now: number): boolean {
    return now - at < this.rest;
  }

  private isLeaving(offset: bigint): boolean {
    return this.leaving.some(block => holds(block, offset));
  }

  private forgetRested(now: number): void {
    for (const [offset, at] of this.releases) {
      if (this.releases.size <= REMEMBERED || this.isResting(at, now)) return;
      this.releases.delete(offset);
    }
  }
}

function* freeParts(block: Block, taken: readonly bigint[], leaving: readonly Block[]): Generator<Block> {
  const inside = taken.filter(offset => holds(block, offset));
  const gifts = leaving.filter(gift => holds(block, gift.offset) || holds(gift, block.offset));
  if (inside.length === 0 && gifts.length === 0) yield block;
  else if (block.bits > 0 && !gifts.some(gift => gift.bits >= block.bits)) {
    for (const half of halves(block)) yield* freeParts(half, inside, gifts);
  }
}
