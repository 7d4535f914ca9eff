/** Bounded reading and writing of big-endian integers, lengths and texts: what frames and records are made of. */
import { type IpAddress, ipFromBytes, ipToBytes } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { decodeText } from '../msgpack.ts';

export function malformed(what: string): WeftError {
  return new WeftError('malformed', what);
}

/** Every method throws `malformed` if the bytes end too early or break a limit, and nothing else. */
export class WireReader {
  private readonly buffer: Buffer;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.buffer.length - this.position;
  }

  /** An unsigned integer of 1 to 6 bytes. */
  unsigned(size: number): number {
    return this.buffer.readUIntBE(this.advance(size), size);
  }

  /** LEB128, at most `max`. */
  varint(max: number): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.unsigned(1);
      value += (byte & 0x7f) * scale;
      if (value > max) throw malformed(`a number beyond ${max}`);
      // A last byte of zero would be a second form of the same number.
      if (byte === 0 && scale > 1) throw malformed('a number in a longer form than it needs');
      if (byte < 0x80) return value;
      if (scale >= 2 ** 49) throw malformed('a number of too many bytes');
    }
  }

  /** A view into the input, its length in front as a varint. */
  blob(max: number): Uint8Array {
    return this.take(this.varint(max));
  }

  take(length: number): Uint8Array {
    return this.buffer.subarray(this.advance(length), this.position);
  }

  text(max: number): string {
    return decodeText(this.blob(max));
  }

  /** 4 or 16 bytes. */
  ip(): IpAddress {
    const bytes = this.blob(16);
    if (bytes.length !== 4 && bytes.length !== 16) throw malformed('an address of another length');
    return ipFromBytes(bytes);
  }

  private advance(length: number): number {
    if (length > this.remaining) throw malformed('frame is truncated');
    const start = this.position;
    this.position += length;
    return start;
  }
}

/** Appends to a growing buffer; methods return the writer. */
export class WireWriter {
  private buffer = Buffer.allocUnsafe(256);
  private written = 0;

  get length(): number {
    return this.written;
  }

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return new Uint8Array(this.buffer.subarray(0, this.written));
  }

  unsigned(value: number, size: number): this {
    const at = this.reserve(size);
    this.buffer.writeUIntBE(value, at, size);
    return this;
  }

  varint(value: number): this {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.unsigned((rest % 128) + 128, 1);
    return this.unsigned(rest, 1);
  }

  blob(bytes: Uint8Array): this {
    return this.varint(bytes.length).append(bytes);
  }

  append(bytes: Uint8Array): this {
    const at = this.reserve(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  text(text: string): this {
    const bytes = Buffer.byteLength(text);
    const at = this.varint(bytes).reserve(bytes);
    this.buffer.write(text, at, bytes, 'utf8');
    return this;
  }

  ip(address: IpAddress): this {
    return this.blob(ipToBytes(address));
  }

  private reserve(count: number): number {
    const start = this.written;
    this.written += count;
    if (this.written > this.buffer.length) {
      const larger = Buffer.allocUnsafe(2 * this.written);
      this.buffer.copy(larger, 0, 0, start);
      this.buffer = larger;
    }
    return start;
  }
}
