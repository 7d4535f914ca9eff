/**
 * Segmentation as simply as it can be said, for the fake ports and as the judge of native/segment.c: every segment is a
 * packet of its own, its checksums summed from nothing.
 */
import { addIpv4PseudoHeader, addIpv6PseudoHeader, addRange, checksum, finishUdp } from '../checksum.ts';
import { GSO_UDP_L4 } from '../frame-batch.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../headers/ipv4.ts';
import { IPV6_HEADER_SIZE } from '../headers/ipv6.ts';
import { TCP_CHECKSUM_OFFSET } from '../headers/tcp.ts';
import { UDP_CHECKSUM_OFFSET } from '../headers/udp.ts';
import { type Bytes, concat, viewOf } from './frames.ts';

const ETHERNET = 14;

// RFC 9293 section 3.1 and RFC 3168 section 6.1.
const TCP_FIN = 0x01;
const TCP_PSH = 0x08;
const TCP_CWR = 0x80;

export interface SuperFrame {
  /** From the Ethernet header on, without VLAN tags. */
  readonly bytes: Uint8Array;
  readonly gsoType: number;
  readonly gsoSize: number;
  /** Bytes up to the end of the transport header. */
  readonly headerLength: number;
  /** Where the transport header begins. */
  readonly csumStart: number;
}

/** The frames that a network card would make of it, their checksums complete. */
export function referenceSegments(frame: SuperFrame): Bytes[] {
  const { bytes, headerLength, gsoSize } = frame;
  const count = Math.ceil((bytes.length - headerLength) / gsoSize);
  return Array.from({ length: count }, (_, i) => {
    const payload = bytes.subarray(headerLength + i * gsoSize, headerLength + (i + 1) * gsoSize);
    const segment = concat(bytes.subarray(0, headerLength), payload);
    const isTcp = frame.gsoType !== GSO_UDP_L4;
    const view = viewOf(segment);
    if (isTcp) finishTcp(view, frame, i, count);
    else view.setUint16(frame.csumStart + 4, segment.length - frame.csumStart);
    finishNetwork(view, i);
    finishTransport(view, frame.csumStart, isTcp);
    return segment;
  });
}

function finishTcp(view: DataView, { csumStart, gsoSize }: SuperFrame, i: number, count: number): void {
  view.setUint32(csumStart + 4, (view.getUint32(csumStart + 4) + i * gsoSize) % 2 ** 32);
  let flags = view.getUint8(csumStart + 13);
  if (i < count - 1) flags &= ~(TCP_FIN | TCP_PSH);
  if (i > 0) flags &= ~TCP_CWR;
  view.setUint8(csumStart + 13, flags);
}

function isIpv4(view: DataView): boolean {
  return view.getUint8(ETHERNET) >> 4 === 4;
}

function finishNetwork(view: DataView, i: number): void {
  const length = view.byteLength - ETHERNET;
  if (!isIpv4(view)) {
    view.setUint16(ETHERNET + 4, length - IPV6_HEADER_SIZE);
    return;
  }
  view.setUint16(ETHERNET + 2, length);
  view.setUint16(ETHERNET + 4, (view.getUint16(ETHERNET + 4) + i) % 2 ** 16);
  view.setUint16(ETHERNET + 10, 0);
  view.setUint16(ETHERNET + 10, checksum(view, ETHERNET, (view.getUint8(ETHERNET) & 0x0f) * 4));
}

function finishTransport(view: DataView, start: number, isTcp: boolean): void {
  const length = view.byteLength - start;
  const field = start + (isTcp ? TCP_CHECKSUM_OFFSET : UDP_CHECKSUM_OFFSET);
  const addPseudoHeader = isIpv4(view) ? addIpv4PseudoHeader : addIpv6PseudoHeader;
  const pseudo = addPseudoHeader(0, view, ETHERNET, isTcp ? PROTOCOL_TCP : PROTOCOL_UDP, length);
  view.setUint16(field, 0);
  // Never 0, for TCP neither: the kernel and the addon do so for every protocol.
  view.setUint16(field, finishUdp(addRange(pseudo, view, start, length)));
}
