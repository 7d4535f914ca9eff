/**
 * Explicit congestion notification through the tunnel (RFC 6040): the outer header says what the inner one can bear,
 * and congestion that the underlay marked on the outer header is carried into the inner one.
 *
 * The ECN field is the low 2 bits of the IPv4 TOS byte and of the IPv6 traffic class (RFC 3168 section 5). The DSCP of
 * the outer header is always 0: it belongs to the underlay's operator, not to a container.
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ethernetHeaderLength, readPayloadType } from './headers/ethernet.ts';
import { isValidIpv4, readIpv4Tos, rewriteIpv4Tos } from './headers/ipv4.ts';
import { isValidIpv6, readIpv6TrafficClass, writeIpv6TrafficClass } from './headers/ipv6.ts';

// The code points of RFC 3168 section 5.
export const NOT_ECT = 0b00;
export const ECT_1 = 0b01;
export const ECT_0 = 0b10;
export const CE = 0b11;

const ECN_MASK = 0b11;

/** What {@link decapsulatedEcn} returns for a packet that must be dropped. */
export const ECN_DROP = -1;

/** The outer TOS for an inner one: normal mode of RFC 6040 section 4.1, which copies the ECN field. */
export function outerTos(innerTos: number): number {
  return innerTos & ECN_MASK;
}

/** The outer TOS for the Ethernet frame of `length` bytes at `at`: 0 when it carries no valid IP packet. */
export function outerTosOfFrame(view: DataView, at: number, length: number): number {
  const header = ethernetHeaderLength(view, at, length);
  if (header === 0) return NOT_ECT;
  const type = readPayloadType(view, at, header);
  const ip = at + header;
  if (type === ETHERTYPE_IPV4 && isValidIpv4(view, ip, length - header))
    return outerTos(readIpv4Tos(view, ip));
  if (type === ETHERTYPE_IPV6 && isValidIpv6(view, ip, length - header)) {
    return outerTos(readIpv6TrafficClass(view, ip));
  }
  return NOT_ECT;
}

/**
 * The outgoing ECN field, or {@link ECN_DROP}: the table of RFC 6040 section 4.2.
 *
 *   arriving │            arriving outer
 *   inner    │ Not-ECT   ECT(0)    ECT(1)    CE
 *   ─────────┼──────────────────────────────────────
 *   Not-ECT  │ Not-ECT   Not-ECT   Not-ECT   drop
 *   ECT(0)   │ ECT(0)    ECT(0)    ECT(1)    CE
 *   ECT(1)   │ ECT(1)    ECT(1)    ECT(1)    CE
 *   CE       │ CE        CE        CE        CE
 */
export function decapsulatedEcn(inner: number, outer: number): number {
  // RFC 6040 section 4.2, of inner Not-ECT under outer CE: "the decapsulator MUST drop the packet".
  if (inner === NOT_ECT) return outer === CE ? ECN_DROP : NOT_ECT;
  if (inner === CE || outer === CE) return CE;
  return outer === ECT_1 ? ECT_1 : inner;
}

/**
 * Carries the ECN field of an arrived outer header into the Ethernet frame of `length` bytes at `at`: rewrites the TOS
 * of its IPv4 header and the checksum, or the traffic class of its IPv6 header. 'drop' means that the frame must not be
 * delivered; it is unchanged then. A frame that carries no valid IP packet is 'ok' as it is.
 */
export function applyDecapsulation(
  view: DataView,
  at: number,
  length: number,
  arrivedTos: number,
): 'ok' | 'drop' {
  const outer = arrivedTos & ECN_MASK;
  // The first two columns of the table change nothing; nearly every packet leaves here, its headers unread.
  if (outer === NOT_ECT || outer === ECT_0) return 'ok';
  const header = ethernetHeaderLength(view, at, length);
  if (header === 0) return 'ok';
  const type = readPayloadType(view, at, header);
  const ip = at + header;
  const rest = length - header;
  if (type === ETHERTYPE_IPV4 && isValidIpv4(view, ip, rest)) {
    const tos = readIpv4Tos(view, ip);
    const ecn = decapsulatedEcn(tos & ECN_MASK, outer);
    if (ecn === ECN_DROP) return 'drop';
    if (ecn !== (tos & ECN_MASK)) rewriteIpv4Tos(view, ip, (tos & ~ECN_MASK) | ecn);
  } else if (type === ETHERTYPE_IPV6 && isValidIpv6(view, ip, rest)) {
    const trafficClass = readIpv6TrafficClass(view, ip);
    const ecn = decapsulatedEcn(trafficClass & ECN_MASK, outer);
    if (ecn === ECN_DROP) return 'drop';
    if (ecn !== (trafficClass & ECN_MASK)) {
      writeIpv6TrafficClass(view, ip, (trafficClass & ~ECN_MASK) | ecn);
    }
  }
  return 'ok';
}
