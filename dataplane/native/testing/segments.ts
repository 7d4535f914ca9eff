/** Received TCP and UDP segments for the tests of the coalescer, and a resegmentation that shares nothing with it. */
import { FrameBatch } from '../../frame-batch.ts';
import { batchIo, COALESCE_TCP, COALESCE_UDP } from '../batch-io.ts';
import { referenceSum } from './packets.ts';

const ETHERNET = 14;
export const ACK = 0x10;
export const PSH = 0x08;

/** Every field that a merge may depend on. */
export interface Segment {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly payload: Uint8Array;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly reserved: number;
  readonly window: number;
  readonly urgent: number;
  /** A multiple of 4 bytes. */
  readonly options: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Last byte of the addresses. */
  readonly source: number;
  readonly destination: number;
  readonly tos: number;
  readonly ttl: number;
  readonly flowLabel: number;
  readonly identification: number;
  /** IPv4 flags and fragment offset, 16 bits. */
  readonly fragment: number;
  readonly ipOptions: Uint8Array;
  /** An IPv6 extension header; its first byte, which says the transport, is filled in. */
  readonly extension: { readonly type: number; readonly bytes: Uint8Array } | undefined;
  readonly sourceMac: number;
  readonly destinationMac: number;
  readonly etherType: number | undefined;
  readonly encapsulation: Uint8Array;
  /** Of the sending VTEP. */
  readonly vtep: number;
  readonly vtepPort: number;
  readonly outerTos: number;
  readonly checksum: 'right' | 'wrong' | 'partial' | 'none';
  readonly ipChecksum: 'right' | 'wrong';
  /** Bytes behind the IP packet. */
  readonly padding: number;
  /** Added to what the UDP header says. */
  readonly udpLengthError: number;
  /** What the kernel said with UDP_GRO of a message that is one frame. */
  readonly gsoHint: number;
}

export const PLAIN: Segment = {
  family: 4,
  protocol: 'tcp',
  payload: new Uint8Array(100),
  sequence: 1000,
  acknowledgment: 77,
  flags: ACK,
  reserved: 0,
  window: 500,
  urgent: 0,
  options: new Uint8Array(0),
  sourcePort: 40_000,
  destinationPort: 5001,
  source: 1,
  destination: 2,
  tos: 0,
  ttl: 64,
  flowLabel: 0,
  identification: 7,
  fragment: 0x4000,
  ipOptions: new Uint8Array(0),
  extension: undefined,
  sourceMac: 0x0200_0000_0001,
  destinationMac: 0x0200_0000_0002,
  etherType: undefined,
  encapsulation: Uint8Array.of(8, 0, 0, 0, 0, 0, 42, 0),
  vtep: 9,
  vtepPort: 50_000,
  outerTos: 0,
  checksum: 'right',
  ipChecksum: 'right',
  padding: 0,
  udpLengthError: 0,
  gsoHint: 0,
};

/** The frame as it stands in the datagram. */
export function frameOf(segment: Segment): Buffer {
  const { family, padding, extension } = segment;
  const transport = transportOf(segment);
  const ip = family === 4 ? 20 + segment.ipOptions.length : 40 + (extension?.bytes.length ?? 0);
  const frame = Buffer.alloc(ETHERNET + ip + transport.length + padding);
  frame.writeUIntBE(segment.destinationMac, 0, 6);
  frame.writeUIntBE(segment.sourceMac, 6, 6);
  frame.writeUInt16BE(segment.etherType ?? (family === 4 ? 0x0800 : 0x86dd), 12);
  if (family === 4) writeIpv4(frame, segment, ip + transport.length);
  else writeIpv6(frame, segment, transport.length);
  frame.set(transport, ETHERNET + ip);
  writeChecksum(frame, ETHERNET + ip, transport.length, segment);
  return frame;
}

function transportOf(segment: Segment): Buffer {
  const { payload, options } = segment;
  if (segment.protocol === 'udp') {
    const header = Buffer.alloc(8);
    header.writeUInt16BE(segment.sourcePort, 0);
    header.writeUInt16BE(segment.destinationPort, 2);
    header.writeUInt16BE(8 + payload.length + segment.udpLengthError, 4);
    return Buffer.concat([header, payload]);
  }
  const header = Buffer.alloc(20);
  header.writeUInt16BE(segment.sourcePort, 0);
  header.writeUInt16BE(segment.destinationPort, 2);
  header.writeUInt32BE(segment.sequence >>> 0, 4);
  header.writeUInt32BE(segment.acknowledgment, 8);
  header.writeUInt8((((20 + options.length) / 4) << 4) | segment.reserved, 12);
  header.writeUInt8(segment.flags, 13);
  header.writeUInt16BE(segment.window, 14);
  header.writeUInt16BE(segment.urgent, 18);
  return Buffer.concat([header, options, payload]);
}

function writeIpv4(frame: Buffer, segment: Segment, total: number): void {
  const header = 20 + segment.ipOptions.length;
  frame.writeUInt8(0x40 | (header / 4), 14);
  frame.writeUInt8(segment.tos, 15);
  frame.writeUInt16BE(total, 16);
  frame.writeUInt16BE(segment.identification, 18);
  frame.writeUInt16BE(segment.fragment, 20);
  frame.writeUInt8(segment.ttl, 22);
  frame.writeUInt8(segment.protocol === 'tcp' ? 6 : 17, 23);
  frame.writeUInt16BE(0, 24);
  frame.writeUInt32BE(0xc612_0000 + segment.source, 26);
  frame.writeUInt32BE(0xc612_0000 + segment.destination, 30);
  frame.set(segment.ipOptions, 34);
  const sum = 0xffff - referenceSum(frame.subarray(14, 14 + header));
  frame.writeUInt16BE(segment.ipChecksum === 'right' ? sum : sum ^ 0x0100, 24);
}

function writeIpv6(frame: Buffer, segment: Segment, transport: number): void {
  const extension = segment.extension?.bytes ?? new Uint8Array(0);
  frame.writeUInt32BE(0x6000_0000 + segment.tos * 0x10_0000 + segment.flowLabel, 14);
  frame.writeUInt16BE(extension.length + transport, 18);
  frame.writeUInt8(segment.extension?.type ?? (segment.protocol === 'tcp' ? 6 : 17), 20);
  frame.writeUInt8(segment.ttl, 21);
  for (const [at, last] of [
    [22, segment.source],
    [38, segment.destination],
  ] as const) {
    frame.fill(0, at, at + 16);
    frame.writeUInt32BE(0x2001_0db8, at);
    frame.writeUInt32BE(last, at + 12);
  }
  frame.set(extension, 54);
  if (extension.length > 0) frame.writeUInt8(segment.protocol === 'tcp' ? 6 : 17, 54);
}

/** RFC 9293 section 3.1 and RFC 8200 section 8.1. */
function pseudoSum(frame: Buffer, family: number, protocol: 'tcp' | 'udp', length: number): number {
  const addresses = family === 4 ? frame.subarray(26, 34) : frame.subarray(22, 54);
  return referenceSum(addresses, (protocol === 'tcp' ? 6 : 17) + length);
}

function writeChecksum(frame: Buffer, at: number, length: number, segment: Segment): void {
  const field = at + (segment.protocol === 'tcp' ? 16 : 6);
  frame.writeUInt16BE(0, field);
  const pseudo = pseudoSum(frame, segment.family, segment.protocol, length);
  const right = 0xffff - referenceSum(frame.subarray(at, at + length), pseudo) || 0xffff;
  const values = { right, wrong: right ^ 0x0001, partial: pseudo, none: 0 };
  frame.writeUInt16BE(values[segment.checksum], field);
}

/** A frame as the coalescer handed it on, gathered. */
export interface Outcome {
  readonly frame: Buffer;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly headerLength: number;
  readonly flags: number;
  readonly csumStart: number;
  readonly csumOffset: number;
  readonly pieces: number;
  /** What stands before the head. */
  readonly encapsulation: Buffer;
}

export interface Laid {
  readonly arena: ArrayBuffer;
  readonly pieceTable: number;
  readonly pieceCount: number;
  readonly batch: FrameBatch;
}

/** Lays the frames out in an arena that ends with the last of them and the table of pieces. */
export function layOut(segments: readonly Segment[], capacity = 64): Laid {
  const frames = segments.map(frameOf);
  const size = frames.reduce(
    (sum, frame, i) => sum + frame.length + (segments[i]?.encapsulation.length ?? 0),
    0,
  );
  const pieceTable = Math.ceil(size / 8) * 8;
  const pieceCount = Math.min(64, capacity) * 64;
  const arena = new ArrayBuffer(pieceTable + 8 * pieceCount);
  const bytes = new Uint8Array(arena);
  const batch = new FrameBatch(Math.max(1, segments.length));
  let offset = 0;
  segments.forEach((segment, i) => {
    const frame = frames[i] ?? Buffer.alloc(0);
    bytes.set(segment.encapsulation, offset);
    offset += segment.encapsulation.length;
    bytes.set(frame, offset);
    batch.setOffset(i, offset);
    batch.setLength(i, frame.length);
    batch.setEncapLength(i, segment.encapsulation.length);
    batch.setFamily(i, 4);
    batch.setPort(i, segment.vtepPort);
    batch.setAddressWord(i, 0, segment.vtep);
    batch.setTos(i, segment.outerTos);
    batch.setGsoSize(i, segment.gsoHint);
    offset += frame.length;
  });
  return { arena, pieceTable, pieceCount, batch };
}

export interface CoalesceOptions {
  /** Descriptors for what comes out. @default 64 */
  readonly capacity?: number;
  /** @default both */
  readonly protocols?: number;
}

/** One batch after the other until all is taken; what each handed on. */
export function coalesce(segments: readonly Segment[], options: CoalesceOptions = {}): Outcome[][] {
  const { capacity = 64, protocols = COALESCE_TCP | COALESCE_UDP } = options;
  const { arena, pieceTable, pieceCount, batch } = layOut(segments, capacity);
  const output = new FrameBatch(capacity);
  const batches: Outcome[][] = [];
  const left = new Uint8Array(batch.memory);
  for (let first = 0; first < segments.length; ) {
    const input = left.slice(first * 64).buffer;
    const [taken, frames] = batchIo.coalesce(
      arena,
      pieceTable,
      pieceCount,
      input,
      segments.length - first,
      output.memory,
      protocols,
    );
    if (taken === 0) throw new Error('the coalescer took nothing');
    batches.push(Array.from({ length: frames }, (_, i) => gather(arena, pieceTable, output, i)));
    first += taken;
  }
  return batches;
}

export function gather(arena: ArrayBuffer, pieceTable: number, batch: FrameBatch, i: number): Outcome {
  const memory = Buffer.from(arena);
  const view = new DataView(batch.memory, i * 64);
  const pieces = batch.pieceCount(i);
  // The first entry is not a payload.
  const first = view.getUint16(44, true) + 1;
  const parts = Array.from({ length: pieces }, (_, k) => {
    const at = pieceTable + 8 * (first + k);
    const offset = memory.readUInt32LE(at);
    return memory.subarray(offset, offset + memory.readUInt32LE(at + 4));
  });
  const head = batch.length(i) - parts.reduce((sum, part) => sum + part.length, 0);
  const offset = batch.offset(i);
  return {
    frame: Buffer.concat([memory.subarray(offset, offset + head), ...parts]),
    gsoType: batch.gsoType(i),
    gsoSize: batch.gsoSize(i),
    headerLength: batch.headerLength(i),
    flags: batch.flags(i),
    csumStart: batch.csumStart(i),
    csumOffset: batch.csumOffset(i),
    pieces,
    encapsulation: Buffer.from(memory.subarray(offset - batch.encapLength(i), offset)),
  };
}

/** Cuts a super-frame into segments as a network card would, field by field from RFC 9293 and RFC 791. */
export function resegment(outcome: Outcome): Buffer[] {
  const { frame, gsoSize, headerLength, csumStart } = outcome;
  if (outcome.pieces === 0) return [frame];
  const family = frame.readUInt16BE(12) === 0x0800 ? 4 : 6;
  const protocol = outcome.csumOffset === 16 ? 'tcp' : 'udp';
  const segments: Buffer[] = [];
  for (let at = headerLength; at < frame.length; at += gsoSize) {
    const index = segments.length;
    const payload = frame.subarray(at, at + gsoSize);
    const segment = Buffer.concat([frame.subarray(0, headerLength), payload]);
    const length = segment.length - csumStart;
    if (family === 4) {
      segment.writeUInt16BE(segment.length - ETHERNET, 16);
      segment.writeUInt16BE((segment.readUInt16BE(18) + index) % 0x1_0000, 18);
      segment.writeUInt16BE(0, 24);
      segment.writeUInt16BE(0xffff - referenceSum(segment.subarray(14, 34)), 24);
    } else {
      segment.writeUInt16BE(length, 18);
    }
    if (protocol === 'tcp') {
      segment.writeUInt32BE((segment.readUInt32BE(csumStart + 4) + index * gsoSize) % 2 ** 32, csumStart + 4);
      const isLast = at + gsoSize >= frame.length;
      if (!isLast) segment.writeUInt8(segment.readUInt8(csumStart + 13) & ~PSH, csumStart + 13);
    } else {
      segment.writeUInt16BE(length, csumStart + 4);
    }
    const field = csumStart + outcome.csumOffset;
    segment.writeUInt16BE(0, field);
    const sum = referenceSum(segment.subarray(csumStart), pseudoSum(segment, family, protocol, length));
    segment.writeUInt16BE(0xffff - sum || 0xffff, field);
    segments.push(segment);
  }
  return segments;
}
