/**
 * The two borders of the dataplane, batch first. The real ones stand over the native addon (tap.ts, udp.ts), the
 * fakes in testing/memory-ports.ts. testing/port-contract.ts is what all of them promise, and runs on all of them.
 *
 * Everything runs to completion on the loop of the thread that opened the port: a port fills its batch, calls its
 * handler once, and may use the arena memory again as soon as the handler returns. So the handler must write or send
 * (both are done when they return) before it returns, and keep nothing.
 */
import type { FrameBatch } from './frame-batch.ts';

/**
 * Bytes that each frame received from a TAP has free directly before it, for an encapsulation header written in place.
 * What a UdpPort receives has its own encapsulation there, and may have another frame before that.
 */
export const HEADROOM = 64;

/** Bytes of one receive slot after its headroom: a whole 64 KiB datagram or super-frame. */
export const SLOT_SIZE = 65_536 + 192;

/** Frames a port hands over at once at the most. */
export const RECEIVE_BATCH = 64;

/** Called with `count` received frames in descriptors 0 … count-1 of `batch`. */
export type BatchHandler = (batch: FrameBatch, count: number) => void;

/** Called once when the port can never work again (its device was deleted: EBADFD); then only `close` is legal. */
export type LostHandler = (errno: number) => void;

/** What a port did, read from memory it shares with the addon. Units are frames unless the name says otherwise. */
export interface PortCounters {
  readonly rxFrames: number;
  readonly rxBytes: number;
  /** Batches handed over: (rxFrames - rxMerged) / rxBatches is the mean. */
  readonly rxBatches: number;
  /** Frames refused because their offload metadata contradict their length or content. */
  readonly rxBadGeometry: number;
  /** Frames longer than a receive slot. */
  readonly rxTruncated: number;
  /** Receive calls that failed with an errno other than EAGAIN or EINTR. */
  readonly rxErrors: number;
  readonly txFrames: number;
  readonly txBytes: number;
  /** System calls that sent: txFrames / txBatches is the mean batch (a TAP has one write a frame). */
  readonly txBatches: number;
  /** Frames whose status is not 0. */
  readonly txErrors: number;
  /** Datagrams that the kernel dropped because the receive queue was full. */
  readonly rxQueueOverflow: number;
  /** Datagrams sent: more than txFrames where super-frames were cut into segments. */
  readonly txSegments: number;
  /** Sends that carried more than one datagram (UDP_SEGMENT). */
  readonly txGsoSends: number;
  /** Not a count: the errno for which UDP_SEGMENT was given up, 0 while it is used. */
  readonly txGsoError: number;
  /** The same for TCP super-frames written to a TAP. */
  readonly txTsoError: number;
  /** The same for UDP ones. */
  readonly txUsoError: number;
  /** The same for UDP_GRO. */
  readonly rxGroError: number;
  /** What the kernel handed over at a time: rxFrames / rxMessages is how many datagrams UDP_GRO put into one message. */
  readonly rxMessages: number;
  /** Datagrams that became part of another's super-frame: rxFrames - rxMerged is what the handler saw. */
  readonly rxMerged: number;
  /** Super-frames written to a TAP segment by segment, because it does not take them or must not get them. */
  readonly txGsoRefused: number;
  /** Frames, super-frames or not, that left through an injector (tunnel-GSO). */
  readonly txTunnelFrames: number;
  /** Not a count: the errno for which an injector was given up last, 0 for none. */
  readonly txTunnelError: number;
  /** Not a count: the descriptor of that injector. */
  readonly txTunnelLost: number;
  /** Not a count: the errno for which reads, writes and sends do not share system calls any more (io_uring), 0 for none. */
  readonly ringError: number;
}

/** A TAP device. Frames start at the Ethernet header; `encapLength` of what it hands over is 0. */
export interface TapPort {
  readonly counters: PortCounters;
  /**
   * Writes frames `first` … `first + count - 1`; each gets its `status`: 0, or the errno that refused it (EIO: device
   * down; EINVAL: geometry). Frames that need a checksum or are super-frames are written as such.
   */
  write(batch: FrameBatch, first: number, count: number): void;
  /** Stops reading and closes the descriptor. No handler is called afterwards. Twice is once. */
  close(): void;
}

/**
 * The VXLAN socket and its source sockets. `offset` of a frame is its inner Ethernet header, both ways.
 *
 * A received frame may be a super-frame merged from several datagrams of one sender with one TOS and equal encapsulation
 * (frame-batch.ts tells how it lies). And it may need a checksum: when the kernel of a VTEP on the same machine left
 * that to a network card, `csumStart`, `csumOffset` and `headerLength` say where.
 */
export interface UdpPort {
  readonly counters: PortCounters;
  /** How many source sockets there are: `socket` of a sent frame is less than this. */
  readonly sourceSockets: number;
  /** The UDP ports of the source sockets, in order of their index. */
  readonly sourcePorts: readonly number[];
  /**
   * Sends `encapLength` + `length` bytes of each frame to its `family`, `address` and `port` from its `socket`, in
   * order per socket, with DF set and the outer checksum on. A frame that needs a checksum gets it (in place; the
   * flag is cleared). A super-frame goes out as its segments, each with the encapsulation before it; the frame itself
   * is left as it is. Each frame gets its `status`: 0, or the errno (EMSGSIZE: larger than the path MTU; EAGAIN: the
   * socket buffer is full; EINVAL: geometry). One refused frame does not stop those behind it.
   */
  send(batch: FrameBatch, first: number, count: number): void;
  close(): void;
}

/**
 * Completes in place the checksum of frame `i` if it still needs it, and clears the flag; needed before one frame goes
 * to more than one place. Returns 0, or EINVAL when the geometry is wrong.
 */
export type CompleteChecksum = (batch: FrameBatch, i: number) => number;
