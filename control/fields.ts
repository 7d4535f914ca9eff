/** Typed access to the fields of a decoded message. As in Go, a field that is absent or nil has the zero value. */
import type { IpAddress } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { addressFromBytes } from './endpoint.ts';
import { decodeText, MsgpackReader, type Scalar } from './msgpack.ts';

const EMPTY = new Uint8Array(0);

export class Fields {
  private readonly values: ReadonlyMap<string, Scalar>;
  private readonly nested = new Map<string, Uint8Array>();

  /** Reads the map that begins at the reader's position. Throws `malformed`. */
  constructor(reader: MsgpackReader) {
    this.values = reader.fields(this.nested);
  }

  text(key: string): string {
    const value = this.values.get(key) ?? EMPTY;
    if (!(value instanceof Uint8Array)) throw wrong(key, 'a text');
    return decodeText(value);
  }

  /** A copy: what is kept must not hold on to a whole datagram. */
  bytes(key: string): Uint8Array {
    return this.bytesOrNull(key) ?? EMPTY;
  }

  /** As a view into the message. */
  view(key: string): Uint8Array {
    const value = this.values.get(key) ?? EMPTY;
    if (!(value instanceof Uint8Array)) throw wrong(key, 'bytes');
    return value;
  }

  bytesOrNull(key: string): Uint8Array | null {
    const value = this.values.get(key) ?? null;
    if (value === null) return null;
    if (!(value instanceof Uint8Array)) throw wrong(key, 'bytes');
    return new Uint8Array(value);
  }

  /** Copies of the items of a list of raws; empty if it is absent or nil. */
  rawList(key: string): readonly Uint8Array[] {
    return (
      this.list(key)
        ?.rawList()
        .map(item => new Uint8Array(item)) ?? []
    );
  }

  textList(key: string): readonly string[] {
    return this.list(key)?.textList() ?? [];
  }

  private list(key: string): MsgpackReader | undefined {
    const bytes = this.nested.get(key);
    if (bytes !== undefined) return new MsgpackReader(bytes);
    if ((this.values.get(key) ?? null) === null) return undefined;
    throw wrong(key, 'a list');
  }

  unsigned(key: string, max: number): number {
    const value = this.values.get(key) ?? 0;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
      throw wrong(key, `an integer from 0 to ${max}`);
    }
    return value;
  }

  flag(key: string): boolean {
    const value = this.values.get(key) ?? false;
    if (typeof value !== 'boolean') throw wrong(key, 'a bool');
    return value;
  }

  /** 4 or 16 bytes as an address; undefined if absent or empty. */
  address(key: string): IpAddress | undefined {
    const value = this.values.get(key) ?? null;
    if (value === null) return undefined;
    if (!(value instanceof Uint8Array)) throw wrong(key, 'an address');
    if (value.length === 0) return undefined;
    if (value.length !== 4 && value.length !== 16) throw wrong(key, 'an address of 4 or 16 bytes');
    return addressFromBytes(value);
  }
}

function wrong(key: string, expected: string): WeftError {
  return new WeftError('malformed', `field ${key} is not ${expected}`);
}
