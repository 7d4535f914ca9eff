/** The outer datagram and the VXLAN header (RFC 7348 section 5). */
import { arpFrame, concat, pattern, tcpFrame, udpFrame, vxlanPayload } from '../testing/frames.ts';
import { BLUE, type DatagramRow, edited, INWARD, inner } from './row.ts';

const FAMILY = 'VXLAN';
const GOOD = vxlanPayload(BLUE, udpFrame(INWARD));

function row(
  name: string,
  datagram: Uint8Array,
  verdict: DatagramRow['verdict'],
  options: Partial<DatagramRow> = {},
): DatagramRow {
  return { family: FAMILY, name, datagram, verdict, ...options };
}

/** Bits of the header that are not the I flag and not the VNI: 7 + 24 + 8. */
const RESERVED = [...Array(32).keys(), 56, 57, 58, 59, 60, 61, 62, 63].filter(bit => bit !== 4);

function withBit(bit: number): Uint8Array {
  const at = bit >> 3;
  return edited(GOOD, [at, (GOOD[at] ?? 0) | (0x80 >> (bit & 7))]);
}

function withVni(vni: number): Uint8Array {
  return edited(GOOD, [4, vni >> 16, (vni >> 8) & 0xff, vni & 0xff]);
}

/** VXLAN in VXLAN: what is inside is an Ethernet frame with a UDP datagram, and nobody looks into it. */
function nested(depth: number): Uint8Array {
  let frame: Uint8Array = udpFrame(INWARD);
  for (let i = 0; i < depth; i++)
    frame = udpFrame({ ...INWARD, destinationPort: 4789, payload: vxlanPayload(BLUE, frame) });
  return frame;
}

export const VXLAN_ROWS: readonly DatagramRow[] = [
  row('a good one', GOOD, 'delivered'),
  ...Array.from({ length: 8 }, (_, size) =>
    row(`${size} bytes of payload`, GOOD.subarray(0, size), 'vxlan_truncated'),
  ),
  ...Array.from({ length: 14 }, (_, size) =>
    row(`the header and ${size} bytes`, GOOD.subarray(0, 8 + size), 'runt'),
  ),
  row('the header and an Ethernet header', GOOD.subarray(0, 22), 'delivered'),
  row('the I flag clear', edited(GOOD, [0, 0x00]), 'vxlan_flags'),
  row('all flags but I', edited(GOOD, [0, 0xf7]), 'vxlan_flags'),
  // RFC 7348 section 5: reserved "MUST be […] ignored on receipt". The kernel's own vxlan drops them.
  ...RESERVED.map(bit => row(`reserved bit ${bit} set`, withBit(bit), 'delivered')),
  row('the flags of GBP', edited(GOOD, [0, 0x88, 0x48, 0, 1]), 'delivered'),
  row('the flags of GPE', edited(GOOD, [0, 0x0c, 0, 0, 3]), 'delivered'),
  row('the O flag of GPE', edited(GOOD, [0, 0x0d]), 'delivered'),
  ...[0, 1, 41, 43, 0x2a_0000, 0xff_ffff].map(vni => row(`VNI ${vni}`, withVni(vni), 'unknown_vni')),
  row('from a stranger', GOOD, 'unknown_vtep', { sender: 'stranger' }),
  row('empty, from a stranger', new Uint8Array(0), 'vxlan_truncated', { sender: 'stranger' }),
  row('from our own address', GOOD, 'unknown_vtep', { sender: 'self' }),
  row('from a VTEP of another network', GOOD, 'vtep_not_in_network', { sender: 'elsewhere' }),
  row('65,507 bytes', concat(GOOD, new Uint8Array(65_507 - GOOD.length)), 'exceeds_mtu'),
  // RFC 6040 section 4.2: congestion that the inner packet cannot express.
  inner(FAMILY, 'CE outside, not-ECT inside', udpFrame(INWARD), 'ecn_not_capable', { tos: 3 }),
  inner(FAMILY, 'CE outside, not-ECT in IPv6', udpFrame({ ...INWARD, family: 6 }), 'ecn_not_capable', {
    tos: 3,
  }),
  inner(FAMILY, 'CE outside, ECT(0) inside', udpFrame({ ...INWARD, tos: 2 }), 'delivered', {
    tos: 3,
    instead: udpFrame({ ...INWARD, tos: 3 }),
  }),
  inner(FAMILY, 'CE outside, ARP inside', arpFrame(1, INWARD), 'delivered', { tos: 3 }),
  inner(
    FAMILY,
    'CE outside, an IPv4 header of length 4 inside',
    edited(udpFrame(INWARD), [14, 0x44]),
    'delivered',
    {
      tos: 3,
    },
  ),
  inner(
    FAMILY,
    'CE outside, a cut IPv6 header inside',
    udpFrame({ ...INWARD, family: 6 }).subarray(0, 40),
    'delivered',
    {
      tos: 3,
    },
  ),
  ...[1, 2, 3, 4, 5].map(depth => inner(FAMILY, `VXLAN in VXLAN, ${depth} deep`, nested(depth))),
  inner(FAMILY, 'an inner frame of the MTU', udpFrame({ ...INWARD, payload: pattern(1450 - 28) })),
  inner(
    FAMILY,
    'an inner frame one byte longer',
    udpFrame({ ...INWARD, payload: pattern(1451 - 28) }),
    'exceeds_mtu',
  ),
  inner(
    FAMILY,
    'a long TCP frame with a complete checksum',
    tcpFrame({ ...INWARD, payload: pattern(3000) }),
    'exceeds_mtu',
  ),
  inner(
    FAMILY,
    'a long UDP frame with a partial checksum, its size untold',
    udpFrame({ ...INWARD, payload: pattern(3000), checksum: 'partial' }),
    'exceeds_mtu',
  ),
  inner(
    FAMILY,
    'a long TCP frame with a partial checksum, as the kernel of this machine sends',
    tcpFrame({ ...INWARD, payload: pattern(3000), checksum: 'partial' }),
  ),
  inner(
    FAMILY,
    'the same behind IPv6 options',
    tcpFrame({
      ...INWARD,
      family: 6,
      extensions: [{ type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) }],
      payload: pattern(3000),
      checksum: 'partial',
    }),
  ),
];
