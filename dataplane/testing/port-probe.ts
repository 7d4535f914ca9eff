/** The two hands of the port contract: one that records what a port hands over, one that lays out what it sends. */
import type { ExecutionContext } from 'ava';
import { systemClock } from '../clock.ts';
import { FLAG_NEEDS_CSUM, FrameBatch } from '../frame-batch.ts';
import { ETHERNET_HEADER_SIZE, readSourceMac } from '../headers/ethernet.ts';
import { type BatchHandler, HEADROOM, type PortCounters, RECEIVE_BATCH } from '../ports.ts';
import { type Bytes, concat, ethernetFrame, pattern, STATION_A, STATION_B, viewOf } from './frames.ts';

/** Arena bytes that a {@link Sender} lays its frames out in. */
export const SCRATCH_SIZE = 512 * 1024;

/** Local Experimental EtherType 1 (IEEE 802-2014 section 9.2.4): no kernel answers it. */
const ETHERTYPE_EXPERIMENT = 0x88b5;
/** How long frames may take on a loaded machine before the test says which of them are missing. */
const PATIENCE_MS = 10_000;

/** One received frame, copied out. */
export interface Received {
  readonly bytes: Bytes;
  readonly encap: Bytes;
  readonly encapLength: number;
  readonly flags: number;
  readonly csumStart: number;
  readonly csumOffset: number;
  readonly family: number;
  readonly port: number;
  readonly tos: number;
  readonly addressWords: readonly number[];
}

/** A frame of `size` bytes from STATION_A to STATION_B that carries a number, and bytes that depend on it. */
export function numberedFrame(number: number, size: number): Bytes {
  const payload = pattern(size - ETHERNET_HEADER_SIZE, number);
  viewOf(payload).setUint32(0, number);
  return ethernetFrame(ETHERTYPE_EXPERIMENT, payload);
}

/** Whether a frame comes from the test and not from a kernel that sits on the same link. */
export function isTestFrame(bytes: Uint8Array): boolean {
  if (bytes.length < ETHERNET_HEADER_SIZE) return false;
  const source = readSourceMac(viewOf(bytes), 0);
  return source === STATION_A.mac || source === STATION_B.mac;
}

/** The status of frames 0 … count-1. */
export function statuses(batch: FrameBatch, count: number): number[] {
  return Array.from({ length: count }, (_, i) => batch.status(i));
}

/** What a port has sent until now. Read one by one: the counters of a real port are not its own properties. */
export function transmitted({ txFrames, txErrors, txBytes, txBatches }: PortCounters) {
  return { txFrames, txErrors, txBytes, txBatches };
}

/** Records what a port hands over, and overwrites what stands free before every frame before it reads any. */
export class Collector {
  /** What was wrong with a batch: empty after a good test. */
  readonly problems: string[] = [];
  /** Calls of the handler, frames in them, their bytes with and without encapsulation: strangers' frames included. */
  batches = 0;
  frames = 0;
  frameBytes = 0;
  encapBytes = 0;
  largestBatch = 0;
  /** Called at the end of the handler, so that a test may answer from within. */
  onBatch: BatchHandler = () => undefined;
  private readonly isWanted: (bytes: Uint8Array) => boolean;
  private readonly free: number;
  private readonly received: Received[] = [];
  private arena: ArrayBufferLike | undefined;
  private waiting: { readonly count: number; readonly done: () => void } | undefined;

  /** `free`: bytes before each frame that the handler may write to: of a UdpPort its encapsulation, of a TapPort HEADROOM. */
  constructor(isWanted: (bytes: Uint8Array) => boolean, free: number) {
    this.isWanted = isWanted;
    this.free = free;
  }

  /** Tells which memory descriptors refer to; batches before this are counted and not read. */
  watch(arena: ArrayBufferLike): void {
    this.arena = arena;
  }

  readonly handler: BatchHandler = (batch, count) => {
    this.batches++;
    this.frames += count;
    this.largestBatch = Math.max(this.largestBatch, count);
    if (count < 1 || count > RECEIVE_BATCH) this.problems.push(`a batch of ${count} frames`);
    for (let i = 0; i < count; i++) {
      this.frameBytes += batch.length(i);
      this.encapBytes += batch.encapLength(i);
    }
    if (this.arena !== undefined) this.read(this.arena, batch, count);
    this.onBatch(batch, count);
    if (this.waiting !== undefined && this.received.length >= this.waiting.count) this.waiting.done();
  };

  /** How many wanted frames came so far. */
  get count(): number {
    return this.received.length;
  }

  /** Resolves with the first `count` frames when that many have come; fails when they do not come. */
  async take(count: number): Promise<readonly Received[]> {
    if (this.received.length < count) {
      await new Promise<void>((done, fail) => {
        const limit = systemClock.after(PATIENCE_MS, () => {
          fail(new Error(`${this.received.length} of ${count} frames came within ${PATIENCE_MS} ms`));
        });
        this.waiting = {
          count,
          done: () => {
            limit.cancel();
            done();
          },
        };
      });
      this.waiting = undefined;
    }
    return this.received.slice(0, count);
  }

  private read(arena: ArrayBufferLike, batch: FrameBatch, count: number): void {
    const memory = new Uint8Array(arena);
    const encaps = Array.from({ length: count }, (_, i) => {
      const offset = batch.offset(i);
      return concat(memory.subarray(offset - batch.encapLength(i), offset));
    });
    for (let i = 0; i < count; i++) {
      const offset = batch.offset(i);
      const free = batch.encapLength(i) > 0 ? batch.encapLength(i) : this.free;
      if (offset < free || offset + batch.length(i) > memory.length) {
        this.problems.push(`frame ${i} at ${offset}, ${batch.length(i)} bytes, is not inside the arena`);
        return;
      }
      memory.fill(0xee, offset - free, offset);
    }
    encaps.forEach((encap, i) => {
      const bytes = concat(memory.subarray(batch.offset(i), batch.offset(i) + batch.length(i)));
      if (!this.isWanted(bytes)) return;
      this.received.push({
        bytes,
        encap,
        encapLength: batch.encapLength(i),
        flags: batch.flags(i),
        csumStart: batch.csumStart(i),
        csumOffset: batch.csumOffset(i),
        family: batch.family(i),
        port: batch.port(i),
        tos: batch.tos(i),
        addressWords: [0, 1, 2, 3].map(word => batch.addressWord(i, word)),
      });
    });
  }
}

/** Lays frames out in the scratch part of the arena and describes them in a batch. */
export class Sender {
  readonly batch = new FrameBatch(256);
  private readonly memory: Uint8Array;
  private readonly end: number;
  private next: number;
  private count = 0;

  constructor(arena: ArrayBufferLike, scratch: number) {
    this.memory = new Uint8Array(arena);
    this.next = scratch;
    this.end = scratch + SCRATCH_SIZE;
  }

  /** Adds a frame with `encap` before it; returns the index of its descriptor. */
  add(frame: Uint8Array, encap: Uint8Array = new Uint8Array(0)): number {
    const offset = this.next + HEADROOM;
    if (this.count === this.batch.capacity || offset + frame.length > this.end)
      throw new Error('scratch is full');
    this.next = offset + frame.length;
    this.memory.set(encap, offset - encap.length);
    this.memory.set(frame, offset);
    this.batch.setOffset(this.count, offset);
    this.batch.setLength(this.count, frame.length);
    this.batch.setEncapLength(this.count, encap.length);
    return this.count++;
  }
}

/** Leaves the checksum of descriptor `i` to the port. */
export function needChecksum(batch: FrameBatch, i: number, start: number, offset: number): void {
  batch.setFlags(i, FLAG_NEEDS_CSUM);
  batch.setCsumStart(i, start);
  batch.setCsumOffset(i, offset);
}

export function assertSameFrames(
  t: ExecutionContext,
  received: readonly Received[],
  sent: readonly Uint8Array[],
): void {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  t.deepEqual(
    received.map(({ bytes }) => hex(bytes)),
    sent.map(hex),
  );
}
