/** Super-frames as a TAP hands them over: one transport checksum that is only the pseudo header's sum. */
import { addIpv4PseudoHeader, addIpv6PseudoHeader, checksum, fold } from '../checksum.ts';
import { FLAG_NEEDS_CSUM, type FrameBatch, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../frame-batch.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../headers/ipv4.ts';
import { TCP_CHECKSUM_OFFSET, TCP_MIN_HEADER_SIZE, writeTcpControl } from '../headers/tcp.ts';
import { UDP_CHECKSUM_OFFSET, UDP_HEADER_SIZE } from '../headers/udp.ts';
import { type Bytes, concat, type FrameOptions, tcpFrame, udpFrame, viewOf } from './frames.ts';
import type { SuperFrame } from './reference-segments.ts';

const ETHERNET = 14;

export interface SuperFrameOptions extends FrameOptions {
  readonly protocol: 'tcp' | 'udp';
  readonly payload: Uint8Array;
  readonly gsoSize: number;
  /** Of TCP. @default ACK */
  readonly flags?: number;
  /** Of TCP, as a first sequence number. @default that of tcpFrame */
  readonly sequence?: number;
  /** Of IPv4. @default 0 */
  readonly identification?: number;
  /** TCP options; a multiple of 4 bytes, at most 40. @default none */
  readonly tcpOptions?: Uint8Array;
  /** IPv4 options; a multiple of 4 bytes, at most 40. @default none */
  readonly ipv4Options?: Uint8Array;
}

export function superFrame(options: SuperFrameOptions): SuperFrame {
  const { protocol, payload, gsoSize, family = 4 } = options;
  const isTcp = protocol === 'tcp';
  const tcpOptions = (isTcp ? options.tcpOptions : undefined) ?? new Uint8Array(0);
  const ipv4Options = (family === 4 ? options.ipv4Options : undefined) ?? new Uint8Array(0);
  // The builders put the options into the payload's place; what lies between is moved behind the fixed header here.
  const plain = (isTcp ? tcpFrame : udpFrame)({ ...options, payload: concat(tcpOptions, payload) });
  const minimum = isTcp ? TCP_MIN_HEADER_SIZE : UDP_HEADER_SIZE;
  const start = plain.length - payload.length - tcpOptions.length - minimum;
  const bytes = concat(plain.subarray(0, start), ipv4Options, plain.subarray(start));
  const csumStart = start + ipv4Options.length;
  const headerLength = csumStart + minimum + tcpOptions.length;
  const view = viewOf(bytes);
  if (isTcp) {
    writeTcpControl(view, csumStart, minimum + tcpOptions.length, options.flags ?? 0x10, 512);
    if (options.sequence !== undefined) view.setUint32(csumStart + 4, options.sequence);
  }
  if (family === 4) {
    view.setUint8(ETHERNET, 0x45 + ipv4Options.length / 4);
    view.setUint16(ETHERNET + 2, bytes.length - ETHERNET);
    view.setUint16(ETHERNET + 4, options.identification ?? 0);
    view.setUint16(ETHERNET + 10, 0);
    view.setUint16(ETHERNET + 10, checksum(view, ETHERNET, csumStart - ETHERNET));
  }
  const field = csumStart + (isTcp ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET);
  view.setUint16(field, pseudoSum(bytes, csumStart, isTcp ? PROTOCOL_TCP : PROTOCOL_UDP));
  const gsoType = isTcp ? (family === 4 ? GSO_TCPV4 : GSO_TCPV6) : GSO_UDP_L4;
  return { bytes, gsoType, gsoSize, headerLength, csumStart };
}

function pseudoSum(bytes: Bytes, csumStart: number, protocol: number): number {
  const view = viewOf(bytes);
  const addPseudoHeader = view.getUint8(ETHERNET) >> 4 === 4 ? addIpv4PseudoHeader : addIpv6PseudoHeader;
  return fold(addPseudoHeader(0, view, ETHERNET, protocol, bytes.length - csumStart));
}

/** Fills the offload fields of descriptor `i`; its offset and length stand already. */
export function describeSuperFrame(batch: FrameBatch, i: number, frame: SuperFrame): void {
  batch.setFlags(i, FLAG_NEEDS_CSUM);
  batch.setGsoType(i, frame.gsoType);
  batch.setGsoSize(i, frame.gsoSize);
  batch.setHeaderLength(i, frame.headerLength);
  batch.setCsumStart(i, frame.csumStart);
  batch.setCsumOffset(i, frame.gsoType === GSO_UDP_L4 ? UDP_CHECKSUM_OFFSET : TCP_CHECKSUM_OFFSET);
}
