/**
 * Super-frames that arrive as one long datagram, as if no network card lay between: the kernel's vxlan on another VM of
 * the same box leaves segmentation and checksums to the wire, and there is none. What the sender's segment size was is
 * not told. Any that fits the network does as well, for the receiver puts the stream together again.
 */
import { FLAG_NEEDS_CSUM, type FrameBatch, GSO_NONE, GSO_TCPV4, GSO_TCPV6 } from './frame-batch.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, readEtherType } from './headers/ethernet.ts';
import { TCP_CHECKSUM_OFFSET } from './headers/tcp.ts';

/**
 * Describes frame `i` as the super-frame it is, if it is one: TCP, longer than `maxFrame`, its checksum left open. Such a
 * frame from a real wire does not exist. A long UDP frame stays as it is: its datagrams would lose their boundaries.
 */
export function recogniseSuperFrame(view: DataView, batch: FrameBatch, i: number, maxFrame: number): void {
  if (batch.length(i) <= maxFrame || batch.gsoType(i) !== GSO_NONE) return;
  if ((batch.flags(i) & FLAG_NEEDS_CSUM) === 0 || batch.csumOffset(i) !== TCP_CHECKSUM_OFFSET) return;
  const headers = batch.headerLength(i);
  const type = readEtherType(view, batch.offset(i));
  if (headers === 0 || headers >= maxFrame || (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6)) return;
  batch.setGsoType(i, type === ETHERTYPE_IPV4 ? GSO_TCPV4 : GSO_TCPV6);
  batch.setGsoSize(i, maxFrame - headers);
}
