/**
 * What encapsulation costs, and what is left for the container. All sizes are bytes.
 *
 *   ┌──────────────┬───────────┬─────────────┬────────────────┬──────────────────────────────┐
 *   │ outer IP     │ outer UDP │ VXLAN       │ inner Ethernet │ inner IP packet …            │
 *   │ 20 or 40     │ 8         │ 8           │ 14             │ innerMtu                     │
 *   └──────────────┴───────────┴─────────────┴────────────────┴──────────────────────────────┘
 *                                            ◄──────────── maxInnerFrame ──────────────────►
 *   ◄───────────────────── overhead: 50 or 70 ───────────────►
 *   ◄──────────────────────────────────── underlayMtu ─────────────────────────────────────►
 *
 * The underlay's own Ethernet header is not part of its MTU. RFC 7348 section 4.3: "VTEPs MUST NOT fragment VXLAN
 * packets", so the container's MTU has to be right. A VLAN tag inside comes out of the inner MTU.
 */
import { WeftError } from './errors.ts';
import { ETHERNET_HEADER_SIZE } from './headers/ethernet.ts';
import { IPV4_MIN_HEADER_SIZE } from './headers/ipv4.ts';
import { IPV6_HEADER_SIZE } from './headers/ipv6.ts';
import { UDP_HEADER_SIZE } from './headers/udp.ts';
import { VXLAN_HEADER_SIZE } from './headers/vxlan.ts';

/** RFC 791 section 3.2: a datagram that every module forwards without fragmenting; Linux takes no smaller MTU. */
const MIN_IPV4_MTU = 68;
/** RFC 791 section 3.1: "All hosts must be prepared to accept datagrams of up to 576 octets". */
const MIN_IPV4_UNDERLAY_MTU = 576;
/** RFC 8200 section 5: "every link in the Internet have an MTU of 1280 octets or greater". */
const MIN_IPV6_MTU = 1280;
/** The largest total length of an IPv4 packet, and the most that we use of an IPv6 path. */
const MAX_IP_PACKET = 65_535;
/** UDP_MAX_SEGMENTS of Linux include/linux/udp.h since 6.9. */
const MAX_SEGMENTS = 128;

/** Bytes that encapsulation adds to an inner IP packet: 50 over IPv4, 70 over IPv6. */
export function overhead(family: 4 | 6): number {
  const ip = family === 4 ? IPV4_MIN_HEADER_SIZE : IPV6_HEADER_SIZE;
  return ip + UDP_HEADER_SIZE + VXLAN_HEADER_SIZE + ETHERNET_HEADER_SIZE;
}

/**
 * The largest MTU that containers may have over this underlay. Throws `invalid_argument` when the underlay is too
 * narrow to be an IP link of its family.
 */
export function innerMtu(underlayMtu: number, family: 4 | 6): number {
  const least = family === 4 ? MIN_IPV4_UNDERLAY_MTU : MIN_IPV6_MTU;
  if (!Number.isInteger(underlayMtu) || underlayMtu < least) {
    throw new WeftError(
      'invalid_argument',
      `the underlay MTU is ${underlayMtu}, IPv${family} needs ${least}`,
      {
        hint: `raise the MTU of the underlay interface to ${least} or more`,
      },
    );
  }
  return Math.min(underlayMtu, MAX_IP_PACKET) - overhead(family);
}

/** The longest inner Ethernet frame, header and tags included, that fits one outer packet. */
export function maxInnerFrame(underlayMtu: number, family: 4 | 6): number {
  return innerMtu(underlayMtu, family) + ETHERNET_HEADER_SIZE;
}

/**
 * Checks an MTU that an operator asked for and returns it. Throws `invalid_argument` when a container could not work
 * with it (less than 68) or when full-size frames would not fit the underlay.
 */
export function checkInnerMtu(mtu: number, underlayMtu: number, family: 4 | 6): number {
  if (!Number.isInteger(mtu) || mtu < MIN_IPV4_MTU) {
    throw new WeftError(
      'invalid_argument',
      `an MTU of ${mtu} is too small for IPv4, which needs ${MIN_IPV4_MTU}`,
      {
        hint: `choose ${MIN_IPV6_MTU} or more, so that IPv6 works too`,
      },
    );
  }
  const most = innerMtu(underlayMtu, family);
  if (mtu > most) {
    throw new WeftError(
      'invalid_argument',
      `an MTU of ${mtu} does not fit an underlay MTU of ${underlayMtu}: VXLAN over IPv${family} adds ${overhead(family)}`,
      { hint: `choose ${most} or less, or "auto"` },
    );
  }
  return mtu;
}

/** Whether containers with this MTU can use IPv6: Linux switches IPv6 off on a link below 1280. */
export function carriesIpv6(mtu: number): boolean {
  return mtu >= MIN_IPV6_MTU;
}

/**
 * The most segments of a super-frame that one send (UDP_SEGMENT) carries, when each is a full frame of this MTU: what the
 * `gso_max_segs` of an interface has to be. One more would make every large super-frame two sends, the second of them
 * tiny. IPv4 counts its own header in the 65535 bytes of a packet, IPv6 does not.
 */
export function superFrameSegments(mtu: number, family: 4 | 6): number {
  const payload = MAX_IP_PACKET - UDP_HEADER_SIZE - (family === 4 ? IPV4_MIN_HEADER_SIZE : 0);
  const datagram = VXLAN_HEADER_SIZE + ETHERNET_HEADER_SIZE + mtu;
  return Math.max(1, Math.min(MAX_SEGMENTS, Math.floor(payload / datagram)));
}
