/** The address space of a network in one family: its prefix, and what in it is not for containers. */
import { type IpAddress, ipFromBytes, ipToBytes, parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { type Block, blockSize, blocksOf } from './block.ts';

export interface SpaceOptions {
  /** `10.1.0.0/24` or `fd00:1::/64`. */
  readonly prefix: string;
  /** Never handed out. */
  readonly gateway?: IpAddress | undefined;
  /** Never handed out: addresses, prefixes or `first-last`. */
  readonly exclude?: readonly string[] | undefined;
  /** Only handed out by name (`claimFixed`): addresses, prefixes or `first-last`. */
  readonly static?: readonly string[] | undefined;
}

export type AddressUse = 'dynamic' | 'static' | 'excluded';

interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

/** Smaller blocks of what is reserved do not split the space: whoever owns them passes over them. */
const RESERVED_MIN_BITS = 4;

export class Space {
  readonly prefix: string;
  readonly family: 4 | 6;
  /** There are 2^bits addresses. */
  readonly bits: number;
  private readonly base: bigint;
  private readonly excluded: readonly Span[];
  private readonly statics: readonly Span[];
  /** Both, disjoint and in order. */
  private readonly reserved: readonly Span[];

  /** Throws `invalid_argument`. */
  constructor(options: SpaceOptions) {
    const { base, bits, family } = parsePrefix(options.prefix);
    this.base = base;
    this.bits = bits;
    this.family = family;
    this.prefix = `${this.addressOf(0n)}/${width(family) - bits}`;
    const excluded = (options.exclude ?? []).map(text => this.span(text));
    if (options.gateway !== undefined) excluded.push(this.span(options.gateway));
    // RFC 950 and RFC 1122 section 3.2.1.3: all zeros and all ones are the network and its broadcast address; RFC 3021: not in a /31.
    // RFC 4291 section 2.6.1: all zeros is each router of the subnet, as a gateway is; RFC 6164: not in a /127.
    if (bits > 1) excluded.push({ first: 0n, last: 0n });
    if (bits > 1 && family === 4) {
      const last = (1n << BigInt(bits)) - 1n;
      excluded.push({ first: last, last });
    }
    this.excluded = merge(excluded);
    this.statics = merge((options.static ?? []).map(text => this.span(text)));
    this.reserved = merge([...this.excluded, ...this.statics]);
  }

  /** Undefined: not of this space. */
  offsetOf(address: IpAddress): bigint | undefined {
    const bytes = ipToBytes(address);
    if (bytes.length * 8 !== width(this.family)) return undefined;
    const offset = toBigInt(bytes) - this.base;
    return offset >= 0n && offset >> BigInt(this.bits) === 0n ? offset : undefined;
  }

  addressOf(offset: bigint): IpAddress {
    const hex = (this.base + offset).toString(16).padStart(width(this.family) / 4, '0');
    return ipFromBytes(Buffer.from(hex, 'hex'));
  }

  useOf(offset: bigint): AddressUse {
    const isIn = ({ first, last }: Span): boolean => offset >= first && offset <= last;
    if (this.excluded.some(isIn)) return 'excluded';
    return this.statics.some(isIn) ? 'static' : 'dynamic';
  }

  /** The first address from `offset` on that `claim` may hand out; it may lie beyond the space. */
  nextDynamic(offset: bigint): bigint {
    let next = offset;
    for (const { first, last } of this.reserved) if (next >= first && next <= last) next = last + 1n;
    return next;
  }

  /** How many addresses of a block `claim` may hand out. */
  dynamicIn(block: Block): bigint {
    const end = block.offset + blockSize(block) - 1n;
    let count = blockSize(block);
    for (const { first, last } of this.reserved) {
      let [from, to] = [first, last];
      if (from < block.offset) from = block.offset;
      if (to > end) to = end;
      if (from <= to) count -= to - from + 1n;
    }
    return count;
  }

  /** Blocks that are of no use to anybody who asks for space. */
  *reservedBlocks(): Generator<Block> {
    for (const { first, last } of this.reserved) {
      for (const block of blocksOf(first, last)) if (block.bits >= RESERVED_MIN_BITS) yield block;
    }
  }

  private span(text: string): Span {
    const [from = '', to] = text.split('-');
    const range = from.includes('/') ? parsePrefix(from) : undefined;
    const first = range === undefined ? this.inside(from) : range.base - this.base;
    const size = range === undefined ? 1n : 1n << BigInt(range.bits);
    const last = to === undefined ? first + size - 1n : this.inside(to);
    const isForeign = range !== undefined && range.family !== this.family;
    if (isForeign || first < 0n || last < first || last >> BigInt(this.bits) !== 0n) {
      throw new WeftError('invalid_argument', `"${text}" is not a part of ${this.prefix}`);
    }
    return { first, last };
  }

  private inside(text: string): bigint {
    const offset = this.offsetOf(parseIp(text.trim()));
    if (offset === undefined) {
      throw new WeftError('invalid_argument', `${text} is not an address of ${this.prefix}`);
    }
    return offset;
  }
}

function parsePrefix(text: string): { readonly base: bigint; readonly bits: number; readonly family: 4 | 6 } {
  const [address = '', length = ''] = text.split('/');
  const bytes = ipToBytes(parseIp(address));
  const family = bytes.length === 4 ? 4 : 6;
  const bits = width(family) - Number(length);
  if (!/^\d{1,3}$/.test(length) || bits < 0) {
    throw new WeftError('invalid_argument', `"${text}" is not a prefix`, {
      hint: 'write it as 10.1.0.0/24 or fd00:1::/64',
    });
  }
  const base = toBigInt(bytes);
  if ((base & ((1n << BigInt(bits)) - 1n)) !== 0n) {
    throw new WeftError('invalid_argument', `"${text}" has bits set beyond its length`);
  }
  return { base, bits, family };
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = merged.at(-1);
    if (before === undefined || span.first > before.last + 1n) merged.push(span);
    else if (span.last > before.last) merged[merged.length - 1] = { first: before.first, last: span.last };
  }
  return merged;
}

function width(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
