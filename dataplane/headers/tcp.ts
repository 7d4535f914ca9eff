/**
 * The TCP header (RFC 9293 section 3.1), as functions over the arena: `at` is the offset of its first byte.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-------------------------------+-------------------------------+
 *  |          source port          |       destination port        |  0
 *  +-------------------------------+-------------------------------+
 *  |                        sequence number                        |  4
 *  +---------------------------------------------------------------+
 *  |                    acknowledgment number                      |  8
 *  +-------+-------+---------------+-------------------------------+
 *  | offset|  rsv  |     flags     |            window             |  12
 *  +-------+-------+---------------+-------------------------------+
 *  |           checksum            |         urgent pointer        |  16
 *  +-------------------------------+-------------------------------+
 */

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const SEQUENCE = 4;
const ACKNOWLEDGMENT = 8;
const DATA_OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT = 18;

/** Bytes of the header without options. */
export const TCP_MIN_HEADER_SIZE = 20;
/** Where the checksum stands in the header. */
export const TCP_CHECKSUM_OFFSET = CHECKSUM;

export const TCP_SYN = 0x02;
export const TCP_ACK = 0x10;

export function readTcpSourcePort(view: DataView, at: number): number {
  return view.getUint16(at + SOURCE_PORT);
}
export function readTcpDestinationPort(view: DataView, at: number): number {
  return view.getUint16(at + DESTINATION_PORT);
}
export function readTcpSequence(view: DataView, at: number): number {
  return view.getUint32(at + SEQUENCE);
}
export function readTcpAcknowledgment(view: DataView, at: number): number {
  return view.getUint32(at + ACKNOWLEDGMENT);
}
/** Bytes of the header with its options: 20 … 60. */
export function readTcpHeaderLength(view: DataView, at: number): number {
  return (view.getUint8(at + DATA_OFFSET) >>> 4) * 4;
}
export function readTcpFlags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS);
}
export function readTcpWindow(view: DataView, at: number): number {
  return view.getUint16(at + WINDOW);
}
export function readTcpChecksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

export function writeTcpPorts(view: DataView, at: number, source: number, destination: number): void {
  view.setUint16(at + SOURCE_PORT, source);
  view.setUint16(at + DESTINATION_PORT, destination);
}
export function writeTcpNumbers(view: DataView, at: number, sequence: number, acknowledgment: number): void {
  view.setUint32(at + SEQUENCE, sequence);
  view.setUint32(at + ACKNOWLEDGMENT, acknowledgment);
}
/** Writes header length (bytes), flags and window; clears checksum and urgent pointer. */
export function writeTcpControl(
  view: DataView,
  at: number,
  headerLength: number,
  flags: number,
  window: number,
): void {
  view.setUint8(at + DATA_OFFSET, (headerLength / 4) << 4);
  view.setUint8(at + FLAGS, flags);
  view.setUint16(at + WINDOW, window);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + URGENT, 0);
}
export function writeTcpChecksum(view: DataView, at: number, checksum: number): void {
  view.setUint16(at + CHECKSUM, checksum);
}

/** Whether `length` bytes at `at` begin with a whole TCP header, options included. */
export function isValidTcp(view: DataView, at: number, length: number): boolean {
  if (length < TCP_MIN_HEADER_SIZE) return false;
  const headerLength = readTcpHeaderLength(view, at);
  return headerLength >= TCP_MIN_HEADER_SIZE && headerLength <= length;
}
