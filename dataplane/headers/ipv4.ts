/**
 * The IPv4 header (RFC 791 section 3.1), as functions over the arena: `at` is the offset of its first byte.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-------+-------+---------------+-------------------------------+
 *  |version|  IHL  |      TOS      |          total length         |  0
 *  +-------+-------+---------------+-----+-------------------------+
 *  |        identification         |flags|     fragment offset     |  4
 *  +---------------+---------------+-----+-------------------------+
 *  | time to live  |   protocol    |        header checksum        |  8
 *  +---------------+---------------+-------------------------------+
 *  |                         source address                        |  12
 *  +---------------------------------------------------------------+
 *  |                      destination address                      |  16
 *  +---------------------------------------------------------------+
 *
 * Getters check nothing: call {@link isValidIpv4} first. Addresses are unsigned 32-bit numbers.
 */
import { updateChecksum } from '../checksum.ts';

const VERSION_IHL = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FLAGS_FRAGMENT = 6;
const TIME_TO_LIVE = 8;
const PROTOCOL = 9;
const HEADER_CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;

/** Bytes of an IPv4 header without options. */
export const IPV4_MIN_HEADER_SIZE = 20;

export const IPV4_DONT_FRAGMENT = 0x4000;
const IPV4_MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

// IANA "Assigned Internet Protocol Numbers"; the same numbers are IPv6 next headers.
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;
export const PROTOCOL_SCTP = 132;

/** Bytes of the header with its options: 20 … 60. */
export function readIpv4HeaderLength(view: DataView, at: number): number {
  return (view.getUint8(at + VERSION_IHL) & 0x0f) * 4;
}
export function readIpv4Tos(view: DataView, at: number): number {
  return view.getUint8(at + TOS);
}
/** Bytes of header and payload. */
export function readIpv4TotalLength(view: DataView, at: number): number {
  return view.getUint16(at + TOTAL_LENGTH);
}
export function readIpv4Identification(view: DataView, at: number): number {
  return view.getUint16(at + IDENTIFICATION);
}
/** The 3 flags and the offset together: test with the masks above. */
export function readIpv4FlagsFragment(view: DataView, at: number): number {
  return view.getUint16(at + FLAGS_FRAGMENT);
}
export function readIpv4Ttl(view: DataView, at: number): number {
  return view.getUint8(at + TIME_TO_LIVE);
}
export function readIpv4Protocol(view: DataView, at: number): number {
  return view.getUint8(at + PROTOCOL);
}
export function readIpv4Checksum(view: DataView, at: number): number {
  return view.getUint16(at + HEADER_CHECKSUM);
}
export function readIpv4Source(view: DataView, at: number): number {
  return view.getUint32(at + SOURCE);
}
export function readIpv4Destination(view: DataView, at: number): number {
  return view.getUint32(at + DESTINATION);
}
/** Whether this is a part of a datagram, the first part included: only the first has a transport header. */
export function isIpv4Fragment(view: DataView, at: number): boolean {
  return (readIpv4FlagsFragment(view, at) & (IPV4_MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) !== 0;
}

/** Replaces the TOS byte and carries the header checksum along (RFC 1624). A wrong checksum stays as wrong. */
export function rewriteIpv4Tos(view: DataView, at: number, tos: number): void {
  const before = view.getUint16(at + VERSION_IHL);
  const after = (before & 0xff00) | tos;
  view.setUint8(at + TOS, tos);
  view.setUint16(at + HEADER_CHECKSUM, updateChecksum(readIpv4Checksum(view, at), before, after));
}

/**
 * Whether `length` bytes at `at` begin with a whole IPv4 packet; bytes behind its total length are padding. The
 * checksum is not verified: the receiving host does that.
 */
export function isValidIpv4(view: DataView, at: number, length: number): boolean {
  if (length < IPV4_MIN_HEADER_SIZE) return false;
  if (view.getUint8(at + VERSION_IHL) >>> 4 !== 4) return false;
  const headerLength = readIpv4HeaderLength(view, at);
  const totalLength = readIpv4TotalLength(view, at);
  return headerLength >= IPV4_MIN_HEADER_SIZE && headerLength <= totalLength && totalLength <= length;
}
