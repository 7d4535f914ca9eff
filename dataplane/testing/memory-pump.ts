/**
 * What the fake ports stand on: the memory they share, the queue of what arrives, and the pump that moves it.
 */
import { constants } from 'node:os';
import { addRange, finishUdp } from '../checksum.ts';
import { WeftError } from '../errors.ts';
import { FLAG_NEEDS_CSUM, FRAME_SIZE, FrameBatch, GSO_NONE } from '../frame-batch.ts';
import {
  type BatchHandler,
  type CompleteChecksum,
  HEADROOM,
  type PortCounters,
  RECEIVE_BATCH,
  SLOT_SIZE,
} from '../ports.ts';

const { EBADF, EINVAL } = constants.errno;

/** Bytes that one port receives into: at least one slot of the greatest size, and a whole batch of usual frames. */
const RECEIVE_REGION = 2 * (HEADROOM + SLOT_SIZE);
/** Far more batches than any test needs: frames that go round for ever are a bug in what is tested. */
const MAX_BATCHES = 100_000;

/** The memory that all ports of a test share, and the parts of it that are given out. */
export class MemoryArena {
  readonly memory: ArrayBuffer;
  readonly view: DataView<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  private used = 0;

  constructor(size = 16 * 1024 * 1024) {
    this.memory = new ArrayBuffer(size);
    this.view = new DataView(this.memory);
    this.bytes = new Uint8Array(this.memory);
  }

  /** Gives out `size` bytes for good; returns their offset. Throws `unavailable` when there are not so many. */
  allocate(size: number): number {
    const at = this.used;
    if (at + size > this.memory.byteLength) {
      throw new WeftError('unavailable', `the test arena has no ${size} bytes left`, {
        hint: 'make it larger',
      });
    }
    this.used += size;
    return at;
  }
}

/** Moves queued frames to their handlers: in a microtask after each send, or only when `deliver` is called. */
export class MemoryPump {
  private readonly mode: 'manual' | 'microtask';
  private readonly inboxes: Inbox[] = [];
  private scheduled = false;

  constructor(mode: 'manual' | 'microtask' = 'manual') {
    this.mode = mode;
  }

  /** Delivers what is queued and what the handlers send meanwhile, until nothing is left. Returns the frames. */
  deliver(): number {
    let frames = 0;
    for (let batches = 0; batches < MAX_BATCHES; batches++) {
      const waiting = this.inboxes.filter(inbox => inbox.isWaiting);
      if (waiting.length === 0) return frames;
      for (const inbox of waiting) frames += inbox.deliverBatch();
    }
    throw new WeftError('system', `frames still move after ${MAX_BATCHES} batches: they go round in a loop`);
  }

  add(inbox: Inbox): void {
    this.inboxes.push(inbox);
  }

  wake(): void {
    if (this.mode === 'manual' || this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.deliver();
    });
  }
}

export interface MemoryModules {
  readonly arena: MemoryArena;
  readonly pump: MemoryPump;
}

/**
 * Whether frame `i` with its encapsulation lies inside the arena, and the checksum it needs inside the frame.
 */
export function hasSoundGeometry(arena: MemoryArena, batch: FrameBatch, i: number): boolean {
  const length = batch.length(i);
  if (batch.offset(i) < batch.encapLength(i) || batch.offset(i) + length > arena.memory.byteLength)
    return false;
  if ((batch.flags(i) & FLAG_NEEDS_CSUM) === 0) return true;
  return batch.csumStart(i) + batch.csumOffset(i) + 2 <= length;
}

/** See {@link CompleteChecksum}. A sum of zero is written as 0xffff, as the kernel does for every protocol. */
export function memoryCompleteChecksum(arena: MemoryArena): CompleteChecksum {
  return (batch, i) => {
    if ((batch.flags(i) & FLAG_NEEDS_CSUM) === 0) return 0;
    if (!hasSoundGeometry(arena, batch, i)) return EINVAL;
    // Each segment of a super-frame gets a checksum of its own.
    if (batch.gsoType(i) !== GSO_NONE) return 0;
    const start = batch.offset(i) + batch.csumStart(i);
    const sum = addRange(0, arena.view, start, batch.length(i) - batch.csumStart(i));
    arena.view.setUint16(start + batch.csumOffset(i), finishUdp(sum));
    batch.setFlags(i, batch.flags(i) & ~FLAG_NEEDS_CSUM);
    return 0;
  };
}

type MutableCounters = { -readonly [K in keyof PortCounters]: PortCounters[K] };

export interface QueuedFrame {
  readonly bytes: Uint8Array;
  /** Fills the descriptor, offset and length apart. */
  describe(batch: FrameBatch, i: number): void;
}

class Inbox {
  isClosed = false;
  private readonly arena: MemoryArena;
  private readonly handler: BatchHandler;
  private readonly counters: MutableCounters;
  private readonly encapLength: number;
  private readonly region: number;
  private readonly batch = new FrameBatch(RECEIVE_BATCH);
  private queue: QueuedFrame[] = [];

  constructor(arena: MemoryArena, handler: BatchHandler, counters: MutableCounters, encapLength: number) {
    this.arena = arena;
    this.handler = handler;
    this.counters = counters;
    this.encapLength = encapLength;
    this.region = arena.allocate(RECEIVE_REGION);
  }

  get isWaiting(): boolean {
    return this.queue.length > 0 && !this.isClosed;
  }

  push(frame: QueuedFrame): void {
    if (frame.bytes.length > SLOT_SIZE) this.counters.rxTruncated++;
    else if (!this.isClosed) this.queue.push(frame);
  }

  deliverBatch(): number {
    let count = 0;
    let at = this.region;
    for (const frame of this.queue) {
      const start = at + HEADROOM;
      if (count === RECEIVE_BATCH || start + frame.bytes.length > this.region + RECEIVE_REGION) break;
      this.place(frame, start, count);
      at = start + frame.bytes.length;
      count++;
    }
    this.queue = this.queue.slice(count);
    this.counters.rxBatches++;
    this.handler(this.batch, count);
    return count;
  }

  private place(frame: QueuedFrame, start: number, i: number): void {
    const encapLength = Math.min(this.encapLength, frame.bytes.length);
    this.arena.bytes.set(frame.bytes, start);
    new Uint8Array(this.batch.memory, i * FRAME_SIZE, FRAME_SIZE).fill(0);
    frame.describe(this.batch, i);
    this.batch.setOffset(i, start + encapLength);
    this.batch.setLength(i, frame.bytes.length - encapLength);
    this.batch.setEncapLength(i, encapLength);
    this.counters.rxFrames++;
    this.counters.rxMessages++;
    this.counters.rxBytes += frame.bytes.length;
  }
}

/** What both fakes share: memory, counters, the queue of what arrives, and closing. */
export abstract class MemoryPort {
  readonly counters: MutableCounters = zeroCounters();
  protected readonly arena: MemoryArena;
  protected readonly inbox: Inbox;
  private readonly pump: MemoryPump;

  constructor({ arena, pump }: MemoryModules, handler: BatchHandler, encapLength: number) {
    this.arena = arena;
    this.pump = pump;
    this.inbox = new Inbox(arena, handler, this.counters, encapLength);
    pump.add(this.inbox);
  }

  close(): void {
    this.inbox.isClosed = true;
  }

  accept(frame: QueuedFrame): void {
    this.inbox.push(frame);
    this.pump.wake();
  }

  /** Passes frames one by one; `transmit` returns 0 or an errno. */
  protected transmitAll(
    batch: FrameBatch,
    first: number,
    count: number,
    transmit: (batch: FrameBatch, i: number) => number,
  ): void {
    if (count > 0) this.counters.txBatches++;
    for (let i = first; i < first + count; i++) {
      const bytes = batch.length(i) + batch.encapLength(i);
      const status = this.inbox.isClosed ? EBADF : transmit(batch, i);
      batch.setStatus(i, status);
      if (status !== 0) {
        this.counters.txErrors++;
      } else {
        this.counters.txFrames++;
        this.counters.txBytes += bytes;
      }
    }
  }

  protected copy(batch: FrameBatch, i: number): Uint8Array {
    const start = batch.offset(i) - batch.encapLength(i);
    return this.arena.bytes.slice(start, batch.offset(i) + batch.length(i));
  }
}

export function zeroCounters(): MutableCounters {
  return {
    rxFrames: 0,
    rxBytes: 0,
    rxBatches: 0,
    rxBadGeometry: 0,
    rxTruncated: 0,
    rxErrors: 0,
    txFrames: 0,
    txBytes: 0,
    txBatches: 0,
    txErrors: 0,
    rxQueueOverflow: 0,
    txSegments: 0,
    txGsoSends: 0,
    txGsoError: 0,
    txTsoError: 0,
    txUsoError: 0,
    rxGroError: 0,
    rxMessages: 0,
    rxMerged: 0,
    txGsoRefused: 0,
    txTunnelFrames: 0,
    txTunnelError: 0,
    txTunnelLost: 0,
    ringError: 0,
  };
}
