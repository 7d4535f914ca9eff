/**
 * The packet memory of one dataplane thread: a single ArrayBuffer that JavaScript and the addon both see, and into
 * which every `offset` of a frame descriptor points.
 *
 *   slot 0                                 slot 1                       …   scratch        pieces
 *   ┌────────────┬───────────────────────┬────────────┬──────────────┬─────┬──────────────┬──────────────┐
 *   │ 66 bytes   │ Ethernet frame …      │            │              │     │ scratchSize  │ of received  │
 *   └────────────┴───────────────────────┴────────────┴──────────────┴─────┴──────────────┴──────────────┘
 *                ▲ slotOffset(0)                                           ▲ scratchOffset ▲ pieceTable
 *
 * All ports of the thread receive into the same slots and describe what came in the same batch: everything runs to
 * completion, so a batch is done with before the next one is read. It also keeps the memory that is touched small.
 */
import { FrameBatch } from './frame-batch.ts';
import { HEADROOM, RECEIVE_BATCH, SLOT_SIZE } from './ports.ts';

/** Entries of the table of pieces for each received frame, and bytes of each: native/pieces.h. */
const PIECES_OF_FRAME = 64;
const PIECE_SIZE = 8;

/** Linux's NET_IP_ALIGN: 14 bytes of Ethernet header after an address ≡ 2 (mod 4) put the IP header on a multiple of 4. */
const IP_ALIGNMENT = 2;

export interface ArenaOptions {
  /** Frames received at once. @default RECEIVE_BATCH */
  readonly slots?: number;
  /** Bytes of a slot after its headroom; what is longer counts as truncated. @default SLOT_SIZE */
  readonly slotSize?: number;
  /** Bytes that no port receives into, for frames made here (ARP answers, copies that differ). @default 65536 */
  readonly scratchSize?: number;
  /** Makes the memory, zeroed. @default an ArrayBuffer of JavaScript's own */
  readonly allocate?: (bytes: number) => ArrayBuffer;
}

export class Arena {
  readonly memory: ArrayBuffer;
  /** The same memory to read and write headers. */
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly slots: number;
  /** Distance of two slots in bytes, headroom included. */
  readonly stride: number;
  /** Where in its slot a received Ethernet frame begins. */
  readonly frameStart = HEADROOM + IP_ALIGNMENT;
  readonly scratchOffset: number;
  readonly scratchSize: number;
  /** Where the addon keeps the pieces of merged super-frames, and how many fit. */
  readonly pieceTable: number;
  readonly pieceCount: number;
  /** Where the ports of this thread describe what they received. */
  readonly received: FrameBatch;

  constructor(options: ArenaOptions = {}) {
    this.slots = options.slots ?? RECEIVE_BATCH;
    this.stride = HEADROOM + (options.slotSize ?? SLOT_SIZE);
    this.scratchOffset = this.slots * this.stride;
    this.scratchSize = options.scratchSize ?? 65_536;
    this.pieceTable = Math.ceil((this.scratchOffset + this.scratchSize) / PIECE_SIZE) * PIECE_SIZE;
    this.pieceCount = Math.min(this.slots, RECEIVE_BATCH) * PIECES_OF_FRAME;
    const size = this.pieceTable + this.pieceCount * PIECE_SIZE;
    this.memory = options.allocate?.(size) ?? new ArrayBuffer(size);
    this.view = new DataView(this.memory);
    this.bytes = new Uint8Array(this.memory);
    this.received = new FrameBatch(this.slots);
  }

  /** Arena offset of the Ethernet frame of slot `i`. */
  slotOffset(i: number): number {
    return i * this.stride + this.frameStart;
  }
}
