/**
 * Datagrams. A datagram is one message, or a compound of several, either optionally compressed and behind a checksum:
 *
 *   0c crc32(4) ─┐
 *                └─► 09 {Algo,Buf} ─┐
 *                                   ├─► type(1) body                           one message
 *                                   └─► 07 count(1) length(2)·count part·count  compound; each part has its type byte
 *
 * Order of wrapping, outermost first: label (244), encryption (no type byte), checksum (12), compression (9),
 * compound (7), each of which may be missing. Labels are not used and are counted.
 */
import { crc32 } from 'node:zlib';
import { WeftError } from '../dataplane/errors.ts';
import { decompress } from './compression.ts';
import {
  CHECKSUM_BYTES,
  COMPOUND_HEADER_BYTES,
  COMPOUND_PART_BYTES,
  DATAGRAM_INFLATED_MAX_BYTES,
  MAX_COMPOUND_PARTS,
  MESSAGE_TYPE,
} from './constants.ts';
import type { DropReason } from './counters.ts';
import { decodeMessage, type Message } from './message.ts';

/** A decoded datagram: what can be used of it, and why the rest cannot. Never both empty. */
export interface Datagram {
  readonly messages: readonly Message[];
  readonly drops: readonly DropReason[];
}

/** Decodes one message, as {@link decodeMessage} does. */
export type MessageDecoder = typeof decodeMessage;

/** A datagram while it is decoded. */
interface Decoding {
  readonly decode: MessageDecoder;
  readonly messages: Message[];
  readonly drops: DropReason[];
}

/** Decodes any bytes; never throws. */
export function decodePacket(bytes: Uint8Array, decode: MessageDecoder = decodeMessage): Datagram {
  const into: Decoding = { decode, messages: [], drops: [] };
  const body = unwrapChecksum(bytes);
  if (body === undefined) into.drops.push(bytes.length <= CHECKSUM_BYTES ? 'malformed' : 'checksum');
  else if (body[0] === MESSAGE_TYPE.compress) decodeCompressed(body, into);
  else decodeBody(body, into);
  const { messages, drops } = into;
  return { messages, drops };
}

function decodeBody(bytes: Uint8Array, into: Decoding): void {
  if (bytes[0] === MESSAGE_TYPE.compound) decodeCompound(bytes, into);
  else decodePart(bytes, into);
}

function decodeCompressed(bytes: Uint8Array, into: Decoding): void {
  try {
    const inner = decompress(bytes, DATAGRAM_INFLATED_MAX_BYTES);
    if (typeof inner === 'string') into.drops.push(inner);
    else if (isWrapping(inner[0])) into.drops.push('nested');
    else decodeBody(inner, into);
  } catch (error) {
    if (!(error instanceof WeftError && error.code === 'malformed')) throw error;
    into.drops.push('malformed');
  }
}

/** Nobody nests these, and a nest of them would multiply the work one datagram can cause. */
function isWrapping(type: number | undefined): boolean {
  return type === MESSAGE_TYPE.compress || type === MESSAGE_TYPE.checksum;
}

/** The bytes behind a checksum header, or the bytes themselves if there is none; undefined if it does not match. */
function unwrapChecksum(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== MESSAGE_TYPE.checksum) return bytes;
  // Five bytes, a checksum over nothing, killed memberlist 0.2.2: at least one byte must follow.
  if (bytes.length <= CHECKSUM_BYTES) return undefined;
  const expected = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32BE(1);
  const body = bytes.subarray(CHECKSUM_BYTES);
  return crc32(body) === expected ? body : undefined;
}

function decodeCompound(bytes: Uint8Array, into: Decoding): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes[1] ?? 0;
  let offset = COMPOUND_HEADER_BYTES + count * COMPOUND_PART_BYTES;
  if (count === 0 || offset > bytes.length) {
    into.drops.push('malformed');
    return;
  }
  for (let part = 0; part < count; part++) {
    const length = buffer.readUInt16BE(COMPOUND_HEADER_BYTES + part * COMPOUND_PART_BYTES);
    if (offset + length > bytes.length) {
      into.drops.push('truncated');
      return;
    }
    const body = bytes.subarray(offset, offset + length);
    if (body[0] === MESSAGE_TYPE.compound || isWrapping(body[0])) into.drops.push('nested');
    else decodePart(body, into);
    offset += length;
  }
}

function decodePart(bytes: Uint8Array, into: Decoding): void {
  try {
    const message = into.decode(bytes);
    if (message === undefined) into.drops.push(reasonForType(bytes[0]));
    else into.messages.push(message);
  } catch (error) {
    if (!(error instanceof WeftError && error.code === 'malformed')) throw error;
    into.drops.push('malformed');
  }
}

function reasonForType(type: number | undefined): DropReason {
  switch (type) {
    case MESSAGE_TYPE.label:
      return 'labelled';
    case MESSAGE_TYPE.pushPull:
    case MESSAGE_TYPE.encrypt:
    case MESSAGE_TYPE.err:
      return 'streamOnly';
    default:
      return 'unknownType';
  }
}

/**
 * The datagram of 1 to {@link MAX_COMPOUND_PARTS} encoded messages: the message itself, or a compound of them. Throws
 * `invalid_argument` on more parts or none.
 */
export function encodePacket(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first === undefined || parts.length > MAX_COMPOUND_PARTS) {
    throw new WeftError(
      'invalid_argument',
      `a datagram holds 1 to ${MAX_COMPOUND_PARTS} messages, not ${parts.length}`,
    );
  }
  if (parts.length === 1) return first;
  const header = Buffer.alloc(COMPOUND_HEADER_BYTES + parts.length * COMPOUND_PART_BYTES);
  header.writeUInt8(MESSAGE_TYPE.compound, 0);
  header.writeUInt8(parts.length, 1);
  parts.forEach((part, index) => {
    header.writeUInt16BE(part.length, COMPOUND_HEADER_BYTES + index * COMPOUND_PART_BYTES);
  });
  return Buffer.concat([header, ...parts]);
}

/** The datagram behind a CRC-32 of it. */
export function withChecksum(bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(CHECKSUM_BYTES);
  header.writeUInt8(MESSAGE_TYPE.checksum, 0);
  header.writeUInt32BE(crc32(bytes), 1);
  return Buffer.concat([header, bytes]);
}
