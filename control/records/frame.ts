/**
 * What two nodes say to each other on a stream. First a byte for the type, then, all integers big-endian, `~` a LEB128:
 *
 *   1 hello    version u8, name ~len
 *   2 probe    ~n × (vni u24, hash u64)                     "is this what you have?" Silence if it is.
 *   3 buckets  vni, ~n, n × hash u64                         the same, in n parts, a power of two
 *   4 digest   vni, buckets u16, ~n × bucket u8, entries     all that I have in these of so many buckets
 *   5 want     vni, entries                                  send me what is newer than this
 *   6 delta    vni, origin ~len, epoch, ~from, ~to, ~head, ~gc, flags u8, ~n × record
 *   7 bye      vni                                           I no longer carry it
 *
 *   entry   = origin ~len, epoch u64, ~seq, ~gc
 *   record  = ~seq (less the one before), kind u8, flags u8 (1 deleted), key ~len, body ~len
 *
 * A delta holds, in the order of seq, the newest version of every record of its origin that lies in (from, to].
 * Types that are not known are skipped: a later version may have more.
 */
import { parseVni, type Vni } from '../../dataplane/address.ts';
import { POOL_SCOPE } from './board.ts';
import { type Epoch, epochCounter, epochRandom } from './epoch.ts';
import {
  BODY_MAX_BYTES,
  DIGEST_MAX_ENTRIES,
  FRAME_MAX_BYTES,
  HASH_BUCKETS,
  KEY_MAX_BYTES,
  MAX_EPOCH_COUNTER,
  MAX_SEQUENCE,
  ORIGIN_MAX_BYTES,
  ORIGIN_MAX_RECORDS,
} from './limits.ts';
import type { LogRecord } from './record.ts';
import { malformed, WireReader, WireWriter } from './wire.ts';

/** 64 bits as two halves. */
export type Hash = readonly [high: number, low: number];

/** How far somebody has the log of an origin. */
export interface DigestEntry {
  readonly origin: string;
  readonly epoch: Epoch;
  readonly seq: number;
  /** Tombstones up to here are gone, and nothing that they deleted is held. */
  readonly gc: number;
}

export interface Delta {
  readonly type: 'delta';
  readonly vni: Vni;
  readonly origin: string;
  readonly epoch: Epoch;
  /** The receiver must have everything up to here. */
  readonly from: number;
  readonly to: number;
  /** The newest sequence number of the origin that the sender knows of, at least `to`. */
  readonly head: number;
  readonly gc: number;
  /** It is news, sent unasked, and is to be passed on to a few peers by whoever had not heard it. */
  readonly relay: boolean;
  readonly records: readonly LogRecord[];
}

export type Frame =
  | { readonly type: 'hello'; readonly version: number; readonly name: string }
  | { readonly type: 'probe'; readonly scopes: readonly { readonly vni: Vni; readonly hash: Hash }[] }
  | { readonly type: 'buckets'; readonly vni: Vni; readonly hashes: readonly Hash[] }
  | {
      readonly type: 'digest';
      readonly vni: Vni;
      readonly bucketCount: number;
      readonly buckets: readonly number[];
      readonly entries: readonly DigestEntry[];
    }
  | { readonly type: 'want'; readonly vni: Vni; readonly entries: readonly DigestEntry[] }
  | Delta
  | { readonly type: 'bye'; readonly vni: Vni };

const FRAME_TYPE = { hello: 1, probe: 2, buckets: 3, digest: 4, want: 5, delta: 6, bye: 7 } as const;

const RELAY = 1;
const DELETED = 1;

/** VNIs that one probe asks about: twice as many as a node's tags can name. */
const PROBE_MAX_SCOPES = 4096;

export function encodeFrame(frame: Frame): Uint8Array {
  const writer = new WireWriter().unsigned(FRAME_TYPE[frame.type], 1);
  switch (frame.type) {
    case 'hello':
      return writer.unsigned(frame.version, 1).text(frame.name).bytes();
    case 'probe':
      writer.varint(frame.scopes.length);
      for (const { vni, hash } of frame.scopes) writeHash(writer.unsigned(vni, 3), hash);
      return writer.bytes();
    case 'buckets':
      writer.unsigned(frame.vni, 3).varint(frame.hashes.length);
      for (const hash of frame.hashes) writeHash(writer, hash);
      return writer.bytes();
    case 'digest':
      writer.unsigned(frame.vni, 3).unsigned(frame.bucketCount, 2).varint(frame.buckets.length);
      for (const bucket of frame.buckets) writer.unsigned(bucket, 1);
      return writeEntries(writer, frame.entries).bytes();
    case 'want':
      return writeEntries(writer.unsigned(frame.vni, 3), frame.entries).bytes();
    case 'delta':
      return writeDelta(writer, frame).bytes();
    case 'bye':
      return writer.unsigned(frame.vni, 3).bytes();
  }
}

/** Throws `malformed`; undefined for a type that this version does not know. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length > FRAME_MAX_BYTES) throw malformed('frame is too large');
  const reader = new WireReader(bytes);
  const frame = readFrame(reader.unsigned(1), reader);
  if (frame !== undefined && reader.remaining > 0) throw malformed('bytes after the end of a frame');
  return frame;
}

function readFrame(type: number, reader: WireReader): Frame | undefined {
  switch (type) {
    case FRAME_TYPE.hello:
      return { type: 'hello', version: reader.unsigned(1), name: readOrigin(reader) };
    case FRAME_TYPE.probe: {
      const scopes = Array.from({ length: reader.varint(PROBE_MAX_SCOPES) }, () => ({
        vni: readVni(reader),
        hash: readHash(reader),
      }));
      return { type: 'probe', scopes };
    }
    case FRAME_TYPE.buckets: {
      const vni = readVni(reader);
      const hashes = Array.from({ length: readBucketCount(reader.varint(HASH_BUCKETS)) }, () =>
        readHash(reader),
      );
      return { type: 'buckets', vni, hashes };
    }
    case FRAME_TYPE.digest: {
      const vni = readVni(reader);
      const bucketCount = readBucketCount(reader.unsigned(2));
      const buckets = Array.from({ length: reader.varint(bucketCount) }, () => reader.unsigned(1));
      return { type: 'digest', vni, bucketCount, buckets, entries: readEntries(reader) };
    }
    case FRAME_TYPE.want:
      return { type: 'want', vni: readVni(reader), entries: readEntries(reader) };
    case FRAME_TYPE.delta:
      return readDelta(reader);
    case FRAME_TYPE.bye:
      return { type: 'bye', vni: readVni(reader) };
    default:
      return undefined;
  }
}

function writeDelta(writer: WireWriter, delta: Delta): WireWriter {
  writer.unsigned(delta.vni, 3).text(delta.origin);
  writeEpoch(writer, delta.epoch).varint(delta.from).varint(delta.to).varint(delta.head).varint(delta.gc);
  writer.unsigned(delta.relay ? RELAY : 0, 1).varint(delta.records.length);
  let previous = delta.from;
  for (const record of delta.records) {
    writer.varint(record.seq - previous).unsigned(record.kind, 1);
    writer
      .unsigned(record.deleted ? DELETED : 0, 1)
      .blob(record.key)
      .blob(record.body);
    previous = record.seq;
  }
  return writer;
}

function readDelta(reader: WireReader): Delta {
  const vni = readVni(reader);
  const origin = readOrigin(reader);
  const epoch = readEpoch(reader);
  const from = reader.varint(MAX_SEQUENCE);
  const to = reader.varint(MAX_SEQUENCE);
  const head = reader.varint(MAX_SEQUENCE);
  const gc = reader.varint(MAX_SEQUENCE);
  if (from > to || to > head || gc > head) throw malformed('a delta that runs backwards');
  const relay = (reader.unsigned(1) & RELAY) !== 0;
  const count = reader.varint(ORIGIN_MAX_RECORDS);
  const records: LogRecord[] = [];
  let previous = from;
  for (let index = 0; index < count; index++) {
    const seq = previous + reader.varint(MAX_SEQUENCE);
    if (seq <= previous || seq > to) throw malformed('records out of order');
    previous = seq;
    records.push({
      seq,
      kind: reader.unsigned(1),
      deleted: (reader.unsigned(1) & DELETED) !== 0,
      // Copies: what is kept must not hold on to a whole frame.
      key: new Uint8Array(reader.blob(KEY_MAX_BYTES)),
      body: new Uint8Array(reader.blob(BODY_MAX_BYTES)),
    });
  }
  return { type: 'delta', vni, origin, epoch, from, to, head, gc, relay, records };
}

/** What a record adds to a delta, in bytes, at most. */
export function recordBytes({ key, body }: LogRecord): number {
  return key.length + body.length + 13;
}

function writeEntries(writer: WireWriter, entries: readonly DigestEntry[]): WireWriter {
  writer.varint(entries.length);
  for (const { origin, epoch, seq, gc } of entries)
    writeEpoch(writer.text(origin), epoch).varint(seq).varint(gc);
  return writer;
}

function readEntries(reader: WireReader): DigestEntry[] {
  return Array.from({ length: reader.varint(DIGEST_MAX_ENTRIES) }, () => ({
    origin: readOrigin(reader),
    epoch: readEpoch(reader),
    seq: reader.varint(MAX_SEQUENCE),
    gc: reader.varint(MAX_SEQUENCE),
  }));
}

function readOrigin(reader: WireReader): string {
  const origin = reader.text(ORIGIN_MAX_BYTES);
  if (origin === '') throw malformed('an origin without a name');
  return origin;
}

function readVni(reader: WireReader): Vni {
  const vni = reader.unsigned(3);
  return vni === POOL_SCOPE ? POOL_SCOPE : parseVni(vni);
}

function readBucketCount(count: number): number {
  if (count < 1 || count > HASH_BUCKETS || (count & (count - 1)) !== 0) {
    throw malformed('the number of buckets is no power of two');
  }
  return count;
}

function writeEpoch(writer: WireWriter, epoch: Epoch): WireWriter {
  return writer.unsigned(epochCounter(epoch), 4).unsigned(epochRandom(epoch), 4);
}

function readEpoch(reader: WireReader): Epoch {
  const counter = reader.unsigned(4);
  const random = reader.unsigned(4);
  if (counter > MAX_EPOCH_COUNTER) throw malformed('an epoch so high that nobody could exceed it');
  return (counter * 2 ** 32 + random) as Epoch;
}

function writeHash(writer: WireWriter, [high, low]: Hash): WireWriter {
  return writer.unsigned(high, 4).unsigned(low, 4);
}

function readHash(reader: WireReader): Hash {
  return [reader.unsigned(4), reader.unsigned(4)];
}
