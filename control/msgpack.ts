/**
 * The msgpack dialect of memberlist: the old specification, in which texts and byte strings are both "raw".
 *
 *   00-7f fixint · 80-8f fixmap · 90-9f fixarray · a0-bf fixraw · c0 nil · c2/c3 bool · ca/cb float
 *   cc-cf uint8…64 · d0-d3 int8…64 · da/db raw16/32 · dc/dd array16/32 · de/df map16/32 · e0-ff negative fixint
 *
 * Written are only these, in the shortest form, with map keys sorted as go-msgpack sorts them. The newer types str8
 * (d9) and bin (c4-c6) are accepted but never written: memberlist's decoder refuses bin.
 */
import { WeftError } from '../dataplane/errors.ts';

/** A value of a flat map. Integers beyond 2^53 become bigint. */
export type Scalar = number | bigint | boolean | Uint8Array | null;

/** Deeper nesting than any message of memberlist or serf has is an attack on the stack. */
const MAX_DEPTH = 8;

/** More items than any list that is read has. */
const MAX_LIST = 1024;

/** More fields than any message has. */
const MAX_FIELDS = 64;

/** Texts of fewer characters are looked at one by one. */
const SHORT = 64;

/** The bytes end before the value does. On a stream: wait for more. */
export class TruncatedError extends WeftError {
  constructor() {
    super('malformed', 'message is truncated');
  }
}

function malformed(what: string): WeftError {
  return new WeftError('malformed', what);
}

/** Reads values one after another. Every method throws `malformed`, {@link TruncatedError} if bytes are missing. */
export class MsgpackReader {
  /** Offset of the next byte to read. */
  position: number;
  private readonly buffer: Buffer;

  constructor(bytes: Uint8Array, position = 0) {
    this.buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
  }

  get remaining(): number {
    return this.buffer.length - this.position;
  }

  /**
   * Reads a map of text keys; of duplicate keys the last wins, as in Go. Nested arrays and maps are skipped over; their
   * bytes are put into `nested`, if it is given.
   */
  fields(nested?: Map<string, Uint8Array>): Map<string, Scalar> {
    const count = this.mapLength();
    if (count > MAX_FIELDS) throw malformed(`a map of ${count} fields`);
    const fields = new Map<string, Scalar>();
    for (let index = 0; index < count; index++) {
      const key = this.key();
      const start = this.position;
      const value = this.scalarOrSkip(0);
      if (value !== undefined) fields.set(key, value);
      else nested?.set(key, this.buffer.subarray(start, this.position));
    }
    return fields;
  }

  /** Keys are Go identifiers: Latin-1 keeps them as they are, is fast, and cannot fail. */
  private key(): string {
    const head = this.byte();
    const length = this.rawLength(head);
    if (length === undefined) throw malformed(`expected a key, found 0x${head.toString(16)}`);
    const start = this.advance(length);
    return length < SHORT
      ? knownKey(this.buffer, start, length)
      : this.buffer.toString('latin1', start, this.position);
  }

  /** The number of entries of a map that begins here. */
  mapLength(): number {
    const head = this.byte();
    if (head >= 0x80 && head <= 0x8f) return this.plausible(head & 0x0f, 2);
    if (head === 0xde) return this.plausible(this.unsigned(2), 2);
    if (head === 0xdf) return this.plausible(this.unsigned(4), 2);
    throw malformed(`expected a map, found 0x${head.toString(16)}`);
  }

  /** The number of items of an array that begins here. */
  arrayLength(): number {
    const head = this.byte();
    if (head >= 0x90 && head <= 0x9f) return this.plausible(head & 0x0f, 1);
    if (head === 0xdc) return this.plausible(this.unsigned(2), 1);
    if (head === 0xdd) return this.plausible(this.unsigned(4), 1);
    throw malformed(`expected an array, found 0x${head.toString(16)}`);
  }

  /** An array of raws, as views into the input. */
  rawList(): Uint8Array[] {
    const count = this.arrayLength();
    if (count > MAX_LIST) throw malformed(`a list of ${count} items`);
    return Array.from({ length: count }, () => this.raw());
  }

  /** An array of texts. */
  textList(): string[] {
    return this.rawList().map(decodeText);
  }

  /** A raw (text or bytes), as a view into the input. */
  raw(): Uint8Array {
    const head = this.byte();
    const length = this.rawLength(head);
    if (length === undefined) throw malformed(`expected a raw, found 0x${head.toString(16)}`);
    return this.take(length);
  }

  /** A raw as UTF-8 text. */
  text(): string {
    return decodeText(this.raw());
  }

  private scalarOrSkip(depth: number): Scalar | undefined {
    const head = this.byte();
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    const length = this.rawLength(head);
    if (length !== undefined) return this.take(length);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.buffer.readFloatBE(this.advance(4));
      case 0xcb:
        return this.buffer.readDoubleBE(this.advance(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.unsigned(1 << (head - 0xcc));
      case 0xcf:
        return narrow(this.buffer.readBigUInt64BE(this.advance(8)));
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const size = 1 << (head - 0xd0);
        return this.buffer.readIntBE(this.advance(size), size);
      }
      case 0xd3:
        return narrow(this.buffer.readBigInt64BE(this.advance(8)));
      default:
        this.skipContainer(head, depth);
        return undefined;
    }
  }

  private skipContainer(head: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw malformed('values nested too deeply');
    let items: number;
    if (head >= 0x80 && head <= 0x8f) items = 2 * (head & 0x0f);
    else if (head >= 0x90 && head <= 0x9f) items = head & 0x0f;
    else if (head === 0xdc || head === 0xdd) items = this.unsigned(head === 0xdc ? 2 : 4);
    else if (head === 0xde || head === 0xdf) items = 2 * this.unsigned(head === 0xde ? 2 : 4);
    else throw malformed(`unknown type byte 0x${head.toString(16)}`);
    this.plausible(items, 1);
    for (let index = 0; index < items; index++) this.scalarOrSkip(depth + 1);
  }

  private rawLength(head: number): number | undefined {
    if (head >= 0xa0 && head <= 0xbf) return head & 0x1f;
    switch (head) {
      case 0xc4:
      case 0xd9:
        return this.unsigned(1);
      case 0xc5:
      case 0xda:
        return this.unsigned(2);
      case 0xc6:
      case 0xdb:
        return this.unsigned(4);
      default:
        return undefined;
    }
  }

  /** A count is believed only if that many items of `size` bytes or more can follow: bounds all loops. */
  private plausible(count: number, size: number): number {
    if (count * size > this.remaining) throw new TruncatedError();
    return count;
  }

  private byte(): number {
    return this.buffer[this.advance(1)] as number;
  }

  private unsigned(size: number): number {
    return this.buffer.readUIntBE(this.advance(size), size);
  }

  private take(length: number): Uint8Array {
    return this.buffer.subarray(this.advance(length), this.position);
  }

  /** Steps over so many bytes, if they are there. Returns where they begin. */
  private advance(length: number): number {
    if (length > this.remaining) throw new TruncatedError();
    const start = this.position;
    this.position += length;
    return start;
  }
}

/**
 * The last key of each hash: a push/pull of a large pool repeats seven of them for each node, and comparing bytes takes less than making
 * a text of them.
 */
const knownKeys: string[] = new Array(4096).fill('');

function knownKey(bytes: Buffer, start: number, length: number): string {
  let hash = length;
  for (let at = start; at < start + length; at++) hash = (31 * hash + (bytes[at] as number)) & 0xfff;
  const known = knownKeys[hash] as string;
  if (isLatin1(known, bytes, start, length)) return known;
  const key = bytes.toString('latin1', start, start + length);
  knownKeys[hash] = key;
  return key;
}

function isLatin1(text: string, bytes: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

/** UTF-8 bytes as text. Throws `malformed` if they are not UTF-8: another text would be sent on than was received. */
export function decodeText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  if (text.includes('\ufffd')) throw malformed('text is not UTF-8');
  return text;
}

function narrow(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}

/** Appends values to a growing buffer. Methods return the writer, so that a message reads as one expression. */
export class MsgpackWriter {
  private buffer = Buffer.allocUnsafe(256);
  private length = 0;

  /** The bytes written so far, as a copy of their own. */
  bytes(): Uint8Array {
    return new Uint8Array(this.buffer.subarray(0, this.length));
  }

  /** A byte outside msgpack: a message type. */
  byte(value: number): this {
    const at = this.reserve(1);
    this.buffer.writeUInt8(value, at);
    return this;
  }

  map(entries: number): this {
    return entries < 16 ? this.byte(0x80 | entries) : this.sized(0xde, 2, entries);
  }

  array(items: number): this {
    return items < 16 ? this.byte(0x90 | items) : this.sized(0xdc, 2, items);
  }

  nil(): this {
    return this.byte(0xc0);
  }

  flag(value: boolean): this {
    return this.byte(value ? 0xc3 : 0xc2);
  }

  /** A non-negative integer below 2^48. */
  unsigned(value: number): this {
    if (value < 0x80) return this.byte(value);
    if (value < 0x100) return this.sized(0xcc, 1, value);
    if (value < 0x1_0000) return this.sized(0xcd, 2, value);
    if (value < 0x1_0000_0000) return this.sized(0xce, 4, value);
    const at = this.reserve(9);
    this.buffer.writeUInt8(0xcf, at);
    this.buffer.writeBigUInt64BE(BigInt(value), at + 1);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.reserveRaw(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  text(text: string): this {
    return text.length < SHORT && this.writeAscii(text) ? this : this.writeUtf8(text);
  }

  /** Byte by byte, which for most texts is faster than to call out of JavaScript. Returns whether it was ASCII; else nothing is written. */
  private writeAscii(text: string): boolean {
    const { length } = this;
    let at = this.reserveRaw(text.length);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) {
        this.length = length;
        return false;
      }
      this.buffer[at++] = code;
    }
    return true;
  }

  private writeUtf8(text: string): this {
    const bytes = Buffer.byteLength(text);
    const at = this.reserveRaw(bytes);
    this.buffer.write(text, at, bytes, 'utf8');
    return this;
  }

  /** Writes the head of a raw; returns where its bytes go. */
  private reserveRaw(length: number): number {
    if (length < 32) this.byte(0xa0 | length);
    else if (length < 0x1_0000) this.sized(0xda, 2, length);
    else this.sized(0xdb, 4, length);
    return this.reserve(length);
  }

  private sized(head: number, size: number, value: number): this {
    const at = this.reserve(1 + size);
    this.buffer.writeUInt8(head, at);
    this.buffer.writeUIntBE(value, at + 1, size);
    return this;
  }

  private reserve(count: number): number {
    const start = this.length;
    this.length += count;
    if (this.length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(2 * this.length);
      this.buffer.copy(larger, 0, 0, start);
      this.buffer = larger;
    }
    return start;
  }
}
