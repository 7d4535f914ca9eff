/** What commands, posts and snapshots have in common on the wire; see control/records/wire.ts. */
import { malformed, type WireReader, type WireWriter } from '../records/wire.ts';
import type { Block } from './block.ts';
import type { Incarnation } from './incarnation.ts';
import { NAME_MAX_BYTES } from './limits.ts';

/** Counters stay below: sessions, wishes, decisions, ballots. */
export const MAX_COUNT = 2 ** 48 - 1;

const MAX_BITS = 128;

/** bits u8, then the number of the block among those of its size, big-endian without leading zeros. */
export function writeBlock(writer: WireWriter, { offset, bits }: Block): void {
  const index = offset >> BigInt(bits);
  const hex = index === 0n ? '' : index.toString(16);
  writer.unsigned(bits, 1).blob(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'));
}

export function readBlock(reader: WireReader): Block {
  const bits = reader.unsigned(1);
  if (bits > MAX_BITS) throw malformed('a block larger than all addresses');
  const bytes = reader.blob(16);
  const index = bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  return { offset: index << BigInt(bits), bits };
}

/** Throws `malformed` if it is empty: no node has such a name, and in the map of owners it has another meaning. */
export function readName(reader: WireReader): string {
  const name = reader.text(NAME_MAX_BYTES);
  if (name === '') throw malformed('a node without a name');
  return name;
}

export function readIncarnation(reader: WireReader): Incarnation {
  return reader.unsigned(6) as Incarnation;
}

export function readList<T>(reader: WireReader, max: number, read: () => T): T[] {
  return Array.from({ length: reader.varint(max) }, read);
}

export function isSameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0);
}
