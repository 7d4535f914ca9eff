/**
 * The UDP header (RFC 768), as functions over the arena: `at` is the offset of its first byte.
 *
 *   0             2                  4        6          8
 *  ┌─────────────┬──────────────────┬────────┬──────────┬─────────
 *  │ source port │ destination port │ length │ checksum │ payload
 *  └─────────────┴──────────────────┴────────┴──────────┴─────────
 */

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;

/** Bytes of the header. */
export const UDP_HEADER_SIZE = 8;
/** Where the checksum stands in the header. */
export const UDP_CHECKSUM_OFFSET = CHECKSUM;

export function readUdpSourcePort(view: DataView, at: number): number {
  return view.getUint16(at + SOURCE_PORT);
}
export function readUdpDestinationPort(view: DataView, at: number): number {
  return view.getUint16(at + DESTINATION_PORT);
}
/** Bytes of header and payload. */
export function readUdpLength(view: DataView, at: number): number {
  return view.getUint16(at + LENGTH);
}
/** 0 means that the sender computed none. */
export function readUdpChecksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

export function writeUdpHeader(
  view: DataView,
  at: number,
  sourcePort: number,
  destinationPort: number,
  length: number,
): void {
  view.setUint16(at + SOURCE_PORT, sourcePort);
  view.setUint16(at + DESTINATION_PORT, destinationPort);
  view.setUint16(at + LENGTH, length);
  view.setUint16(at + CHECKSUM, 0);
}
export function writeUdpChecksum(view: DataView, at: number, checksum: number): void {
  view.setUint16(at + CHECKSUM, checksum);
}

/** Whether `length` bytes at `at` begin with a whole UDP datagram. */
export function isValidUdp(view: DataView, at: number, length: number): boolean {
  if (length < UDP_HEADER_SIZE) return false;
  const udpLength = readUdpLength(view, at);
  return udpLength >= UDP_HEADER_SIZE && udpLength <= length;
}
