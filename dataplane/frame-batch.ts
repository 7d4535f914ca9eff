/**
 * A batch of frame descriptors: plain memory that JavaScript and the native addon share, so that handing over 64
 * frames is one call and no object is made per frame.
 *
 *        arena  ……┌──────────────┬───────────────────────────────┐……
 *                 │ encapsulation │ inner Ethernet frame          │
 *        ……───────┴──────────────┴───────────────────────────────┴……
 *                 ◄─ encapLength ─►◄────────── length ────────────►
 *                                 ▲ offset
 *
 * A super-frame that a UdpPort has merged from several datagrams lies in pieces: `length` is that of the whole frame, as
 * its IP header says it, and only the head is at `offset`: all headers and the payload of the first segment. The other
 * payloads follow by the table of pieces (native/pieces.h), which only the addon reads. So headers can be read and changed
 * in place as in any frame, as long as nobody reads on into the payload; a TapPort writes the whole. Such a frame has
 * a `gsoType`, and can neither be sent by a UdpPort nor have its checksum completed.
 *
 * One descriptor is 64 bytes (one cache line), fields in the machine's byte order. `native/frame.h` holds the same
 * table; `batch-io.ts` refuses to load an addon whose table differs.
 */

/** Bytes of one descriptor. */
export const FRAME_SIZE = 64;

// Byte offsets of the fields within a descriptor; the comment gives type and meaning.
export const FRAME_OFFSET = 0; // u32: arena offset of the first byte of the Ethernet frame
export const FRAME_LENGTH = 4; // u32: bytes of the Ethernet frame, pieces included, without encapsulation and FCS
export const FRAME_GSO_TYPE = 8; // u8: GSO_NONE, GSO_TCPV4, …
export const FRAME_FLAGS = 9; // u8: FLAG_*
export const FRAME_GSO_SIZE = 10; // u16: payload bytes of each segment, 0 unless gsoType says otherwise
export const FRAME_HEADER_LENGTH = 12; // u16: bytes from `offset` to the end of the transport header, 0 if unknown
export const FRAME_CSUM_START = 14; // u16: where checksumming begins, from `offset`; only with FLAG_NEEDS_CSUM
export const FRAME_CSUM_OFFSET = 16; // u16: where the checksum is stored, from csumStart; only with FLAG_NEEDS_CSUM
export const FRAME_ENCAP_LENGTH = 18; // u16: bytes of encapsulation that stand directly before the frame
export const FRAME_SOCKET = 20; // u16: send: which of the source sockets (its port is the outer source port)
export const FRAME_PORT = 22; // u16: UDP port of the other VTEP (receive: its source port; send: where to)
export const FRAME_FAMILY = 24; // u8: 4 or 6, the family of `address`
export const FRAME_TOS = 25; // u8: outer IPv4 TOS or IPv6 traffic class (send and receive)
export const FRAME_STATUS = 26; // u16: after a write or send: 0 done, else the errno that refused this frame
export const FRAME_ADDRESS = 28; // 16 bytes: underlay address of the other VTEP, network order, IPv4 in the first 4
export const FRAME_FIRST_PIECE = 44; // u16: first of its entries in the table of pieces; only with pieces
export const FRAME_PIECE_COUNT = 46; // u16: pieces in which the rest of the payload lies elsewhere, 0 for most frames
export const FRAME_NEXT_HOP = 48; // u16: send: which next hop, from 1 (next-hops.ts); 0: let the sockets find it
// 50 … 63 reserved, zero

/** The frame's transport checksum holds only the sum of its pseudo header: see {@link FRAME_CSUM_START}. */
export const FLAG_NEEDS_CSUM = 0x01;

/** Segmentation offload types: the values of `struct virtio_net_hdr` in linux/virtio_net.h. */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
export const GSO_ECN = 0x80;

export class FrameBatch {
  readonly capacity: number;
  /** The memory that the addon sees. */
  readonly memory: ArrayBuffer;
  private readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly u32: Uint32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.memory = new ArrayBuffer(capacity * FRAME_SIZE);
    this.u8 = new Uint8Array(this.memory);
    this.u16 = new Uint16Array(this.memory);
    this.u32 = new Uint32Array(this.memory);
  }

  // A typed-array read outside its bounds is undefined; `>>> 0` turns that into 0 and keeps V8 on small integers.
  offset(i: number): number {
    return (this.u32[i * 16] as number) >>> 0;
  }
  length(i: number): number {
    return (this.u32[i * 16 + 1] as number) >>> 0;
  }
  gsoType(i: number): number {
    return (this.u8[i * 64 + FRAME_GSO_TYPE] as number) >>> 0;
  }
  flags(i: number): number {
    return (this.u8[i * 64 + FRAME_FLAGS] as number) >>> 0;
  }
  gsoSize(i: number): number {
    return (this.u16[i * 32 + FRAME_GSO_SIZE / 2] as number) >>> 0;
  }
  headerLength(i: number): number {
    return (this.u16[i * 32 + FRAME_HEADER_LENGTH / 2] as number) >>> 0;
  }
  csumStart(i: number): number {
    return (this.u16[i * 32 + FRAME_CSUM_START / 2] as number) >>> 0;
  }
  csumOffset(i: number): number {
    return (this.u16[i * 32 + FRAME_CSUM_OFFSET / 2] as number) >>> 0;
  }
  encapLength(i: number): number {
    return (this.u16[i * 32 + FRAME_ENCAP_LENGTH / 2] as number) >>> 0;
  }
  socket(i: number): number {
    return (this.u16[i * 32 + FRAME_SOCKET / 2] as number) >>> 0;
  }
  port(i: number): number {
    return (this.u16[i * 32 + FRAME_PORT / 2] as number) >>> 0;
  }
  family(i: number): number {
    return (this.u8[i * 64 + FRAME_FAMILY] as number) >>> 0;
  }
  tos(i: number): number {
    return (this.u8[i * 64 + FRAME_TOS] as number) >>> 0;
  }
  /** How many pieces follow the head, which has the rest of `length`; 0: the frame is all in one place. */
  pieceCount(i: number): number {
    return (this.u16[i * 32 + FRAME_PIECE_COUNT / 2] as number) >>> 0;
  }
  status(i: number): number {
    return (this.u16[i * 32 + FRAME_STATUS / 2] as number) >>> 0;
  }
  /**
   * Word 0 … 3 of the address as the machine reads it, signed, for V8 keeps the larger half of the unsigned ones on the heap:
   * to compare and to hash, not to print.
   */
  addressWord(i: number, word: number): number {
    return (this.u32[i * 16 + FRAME_ADDRESS / 4 + word] as number) | 0;
  }

  setOffset(i: number, value: number): void {
    this.u32[i * 16] = value;
  }
  setLength(i: number, value: number): void {
    this.u32[i * 16 + 1] = value;
  }
  setGsoType(i: number, value: number): void {
    this.u8[i * 64 + FRAME_GSO_TYPE] = value;
  }
  setFlags(i: number, value: number): void {
    this.u8[i * 64 + FRAME_FLAGS] = value;
  }
  setGsoSize(i: number, value: number): void {
    this.u16[i * 32 + FRAME_GSO_SIZE / 2] = value;
  }
  setHeaderLength(i: number, value: number): void {
    this.u16[i * 32 + FRAME_HEADER_LENGTH / 2] = value;
  }
  setCsumStart(i: number, value: number): void {
    this.u16[i * 32 + FRAME_CSUM_START / 2] = value;
  }
  setCsumOffset(i: number, value: number): void {
    this.u16[i * 32 + FRAME_CSUM_OFFSET / 2] = value;
  }
  setEncapLength(i: number, value: number): void {
    this.u16[i * 32 + FRAME_ENCAP_LENGTH / 2] = value;
  }
  setSocket(i: number, value: number): void {
    this.u16[i * 32 + FRAME_SOCKET / 2] = value;
  }
  setPort(i: number, value: number): void {
    this.u16[i * 32 + FRAME_PORT / 2] = value;
  }
  setFamily(i: number, value: number): void {
    this.u8[i * 64 + FRAME_FAMILY] = value;
  }
  setTos(i: number, value: number): void {
    this.u8[i * 64 + FRAME_TOS] = value;
  }
  setStatus(i: number, value: number): void {
    this.u16[i * 32 + FRAME_STATUS / 2] = value;
  }
  setNextHop(i: number, value: number): void {
    this.u16[i * 32 + FRAME_NEXT_HOP / 2] = value;
  }
  setAddressWord(i: number, word: number, value: number): void {
    this.u32[i * 16 + FRAME_ADDRESS / 4 + word] = value;
  }

  /** Copies descriptor `from` of `source` over descriptor `to` of this batch. */
  copyFrom(source: FrameBatch, from: number, to: number): void {
    const src = source.u32;
    const dst = this.u32;
    for (let word = 0; word < FRAME_SIZE / 4; word++) dst[to * 16 + word] = src[from * 16 + word] as number;
  }
}
