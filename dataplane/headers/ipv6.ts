/**
 * The IPv6 header (RFC 8200 section 3) and the walk over its extension headers, as functions over the arena: `at` is
 * the offset of its first byte.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-------+---------------+---------------------------------------+
 *  |version| traffic class |              flow label               |  0
 *  +-------+---------------+-------+---------------+---------------+
 *  |        payload length         |  next header  |   hop limit   |  4
 *  +-------------------------------+---------------+---------------+
 *  |                   source address (16 bytes)                   |  8
 *  +---------------------------------------------------------------+
 *  |                destination address (16 bytes)                 |  24
 *  +---------------------------------------------------------------+
 *
 * Getters check nothing: call {@link isValidIpv6} first.
 */

const VERSION_CLASS_FLOW = 0;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SOURCE = 8;
const DESTINATION = 24;

/** Bytes of the fixed header. */
export const IPV6_HEADER_SIZE = 40;

// Next headers that are extension headers (IANA "IPv6 Extension Header Types") and can be walked over.
const HOP_BY_HOP = 0; // RFC 8200 section 4.3
const ROUTING = 43; // RFC 8200 section 4.4
const FRAGMENT = 44; // RFC 8200 section 4.5
const AUTHENTICATION = 51; // RFC 4302 section 2
const DESTINATION_OPTIONS = 60; // RFC 8200 section 4.6

/** The "protocol" that {@link findIpv6Transport} reports for a part of a fragmented packet. */
export const PROTOCOL_IPV6_FRAGMENT = FRAGMENT;

const FRAGMENT_HEADER_SIZE = 8;
const FRAGMENT_OFFSET_OR_MORE = 0xfff9;

/**
 * Our own limit: RFC 8200 section 4.1 lets each header occur once (destination options twice), so six is what a host
 * following its recommended order sends. More is taken for an attempt to make us work.
 */
const MAX_EXTENSION_HEADERS = 8;

/** What {@link findIpv6Transport} returns when no transport header can be found. */
export const NO_TRANSPORT = -1;

export function readIpv6TrafficClass(view: DataView, at: number): number {
  return (view.getUint16(at + VERSION_CLASS_FLOW) >>> 4) & 0xff;
}
export function readIpv6FlowLabel(view: DataView, at: number): number {
  return view.getUint32(at + VERSION_CLASS_FLOW) & 0xf_ffff;
}
/** Bytes behind the fixed header. */
export function readIpv6PayloadLength(view: DataView, at: number): number {
  return view.getUint16(at + PAYLOAD_LENGTH);
}
export function readIpv6NextHeader(view: DataView, at: number): number {
  return view.getUint8(at + NEXT_HEADER);
}
export function readIpv6HopLimit(view: DataView, at: number): number {
  return view.getUint8(at + HOP_LIMIT);
}
/** Word 0 … 3 of the source address, unsigned. */
export function readIpv6SourceWord(view: DataView, at: number, word: number): number {
  return view.getUint32(at + SOURCE + word * 4);
}
/** Word 0 … 3 of the destination address, unsigned. */
export function readIpv6DestinationWord(view: DataView, at: number, word: number): number {
  return view.getUint32(at + DESTINATION + word * 4);
}

/** Writes the first 8 bytes: traffic class and flow label are 0. */
export function writeIpv6Start(
  view: DataView,
  at: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  view.setUint32(at + VERSION_CLASS_FLOW, 0x6000_0000);
  view.setUint16(at + PAYLOAD_LENGTH, payloadLength);
  view.setUint8(at + NEXT_HEADER, nextHeader);
  view.setUint8(at + HOP_LIMIT, hopLimit);
}
export function writeIpv6SourceWord(view: DataView, at: number, word: number, value: number): void {
  view.setUint32(at + SOURCE + word * 4, value);
}
export function writeIpv6DestinationWord(view: DataView, at: number, word: number, value: number): void {
  view.setUint32(at + DESTINATION + word * 4, value);
}

/** Replaces the traffic class; there is no header checksum, and the pseudo header does not cover it. */
export function writeIpv6TrafficClass(view: DataView, at: number, trafficClass: number): void {
  const kept = view.getUint16(at + VERSION_CLASS_FLOW) & 0xf00f;
  view.setUint16(at + VERSION_CLASS_FLOW, kept | (trafficClass << 4));
}

/** Whether `length` bytes at `at` begin with a whole IPv6 packet; bytes behind its payload are padding. */
export function isValidIpv6(view: DataView, at: number, length: number): boolean {
  return (
    length >= IPV6_HEADER_SIZE &&
    view.getUint8(at + VERSION_CLASS_FLOW) >>> 4 === 6 &&
    IPV6_HEADER_SIZE + readIpv6PayloadLength(view, at) <= length
  );
}

/**
 * Finds the first header that is not a walkable extension header in the valid packet at `at`. Returns its offset from
 * `at` and its protocol in one number, for which see {@link transportOffset} and {@link transportProtocol}; or
 * {@link NO_TRANSPORT} when the chain runs past the packet or is longer than any honest one. A part of a fragmented
 * packet, the first included, is reported as {@link PROTOCOL_IPV6_FRAGMENT}: its ports are not in every part.
 */
export function findIpv6Transport(view: DataView, at: number, length: number): number {
  const end = Math.min(length, IPV6_HEADER_SIZE + readIpv6PayloadLength(view, at));
  let next = readIpv6NextHeader(view, at);
  let offset = IPV6_HEADER_SIZE;
  for (let walked = 0; walked <= MAX_EXTENSION_HEADERS; walked++) {
    if (!isExtensionHeader(next)) return offset * 256 + next;
    // The shortest extension header has 8 bytes, so the fields read below are there.
    if (offset + FRAGMENT_HEADER_SIZE > end) return NO_TRANSPORT;
    // An atomic fragment, with offset 0 and no more to come, is a whole packet (RFC 6946).
    if (next === FRAGMENT && (view.getUint16(at + offset + 2) & FRAGMENT_OFFSET_OR_MORE) !== 0) {
      return offset * 256 + PROTOCOL_IPV6_FRAGMENT;
    }
    const size = extensionHeaderSize(next, view.getUint8(at + offset + 1));
    next = view.getUint8(at + offset);
    offset += size;
    if (offset > end) return NO_TRANSPORT;
  }
  return NO_TRANSPORT;
}

/** The next-header value of what {@link findIpv6Transport} found. */
export function transportProtocol(found: number): number {
  return found & 0xff;
}

/** Bytes from the IPv6 header to what {@link findIpv6Transport} found. */
export function transportOffset(found: number): number {
  return found >>> 8;
}

function isExtensionHeader(next: number): boolean {
  return (
    next === HOP_BY_HOP ||
    next === ROUTING ||
    next === FRAGMENT ||
    next === AUTHENTICATION ||
    next === DESTINATION_OPTIONS
  );
}

function extensionHeaderSize(type: number, lengthField: number): number {
  if (type === FRAGMENT) return FRAGMENT_HEADER_SIZE;
  // RFC 4302 section 2.2: in 4-byte words, minus 2. The others: in 8-byte words, not counting the first.
  return type === AUTHENTICATION ? (lengthField + 2) * 4 : (lengthField + 1) * 8;
}
