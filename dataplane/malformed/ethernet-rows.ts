/** Ethernet (IEEE 802.3, 802.1Q); and ARP (RFC 826), which to a VTEP is a frame like another. */
import { BROADCAST_MAC } from '../address.ts';
import { arpFrame, concat, ethernetFrame, pattern, udpFrame } from '../testing/frames.ts';
import { addressed, type DatagramRow, edited, INWARD, inner, OUR_MAC } from './row.ts';

const ETHERNET = 'Ethernet';
const GOOD = udpFrame(INWARD);

const row = (name: string, frame: Uint8Array, verdict: DatagramRow['verdict'] = 'delivered') =>
  inner(ETHERNET, name, frame, verdict);

/** Tagged `count` times with EtherType `type`. */
const tagged = (count: number, type: number, id = 7) =>
  udpFrame({ ...INWARD, tags: Array.from({ length: count }, () => ({ id, etherType: type })) });

export const ETHERNET_ROWS: readonly DatagramRow[] = [
  row('source 00:00:00:00:00:00', addressed(GOOD, OUR_MAC, 0), 'invalid_source_mac'),
  row('source multicast', addressed(GOOD, OUR_MAC, 0x01_00_5e_00_00_01), 'invalid_source_mac'),
  row('source broadcast', addressed(GOOD, OUR_MAC, BROADCAST_MAC), 'invalid_source_mac'),
  row(
    'source of a container attached here',
    addressed(GOOD, 0x02_00_5e_10_00_77, OUR_MAC),
    'source_is_local',
  ),
  row('destination 00:00:00:00:00:00', addressed(GOOD, 0)),
  row('destination equal to the source', addressed(GOOD, 0x02_00_5e_10_00_02), 'split_horizon'),
  row('destination broadcast', addressed(GOOD, BROADCAST_MAC)),
  ...Array.from({ length: 16 }, (_, i) =>
    row(
      `destination 01:80:c2:00:00:0${i.toString(16)}`,
      addressed(GOOD, 0x0180_c200_0000 + i),
      'link_local_control',
    ),
  ),
  row('destination 01:80:c2:00:00:10, the first that bridges forward', addressed(GOOD, 0x0180_c200_0010)),
  // IEEE 802.3 section 3.2.6: below 0x0600 the type is a length.
  ...[0, 1, 46, 0x05dc, 0x05ff].map(type =>
    row(`type 0x${type.toString(16)}, a length`, ethernetFrame(type, pattern(46), INWARD)),
  ),
  row('one 802.1Q tag', tagged(1, 0x8100), 'inner_vlan_tag'),
  row('VLAN 0, which is no VLAN', tagged(1, 0x8100, 0), 'inner_vlan_tag'),
  row('VLAN 4095', tagged(1, 0x8100, 4095), 'inner_vlan_tag'),
  ...[14, 15, 16, 17].map(size =>
    row(`a tag cut at ${size} bytes`, tagged(1, 0x8100).subarray(0, size), 'inner_vlan_tag'),
  ),
  ...[1, 2, 4, 8].map(count => row(`${count} tags of 0x88a8`, tagged(count, 0x88a8), 'inner_vlan_tag')),
  row('MPLS with no bottom of stack', ethernetFrame(0x8847, new Uint8Array(64), INWARD)),
  row('MPLS with four labels', ethernetFrame(0x8847, pattern(16), INWARD)),
  row('PPPoE', ethernetFrame(0x8864, pattern(40), INWARD)),
  row('MACsec', ethernetFrame(0x88e5, pattern(40), INWARD)),
  row('EtherType 0', ethernetFrame(0, pattern(40), INWARD)),
  row('EtherType 0xffff', ethernetFrame(0xffff, pattern(40), INWARD)),
  row('padding behind IP', concat(udpFrame({ ...INWARD, payload: pattern(2) }), pattern(16))),
  row('padding behind ARP to 60 bytes', concat(arpFrame(2, INWARD), new Uint8Array(18))),
  row('9,018 bytes', ethernetFrame(0x88b5, pattern(9004), INWARD), 'exceeds_mtu'),
  row('65,400 bytes', ethernetFrame(0x88b5, pattern(65_386), INWARD), 'exceeds_mtu'),
];

const ARP = arpFrame(1, INWARD);
const arp = (name: string, frame: Uint8Array) => inner('ARP', name, frame);

export const ARP_ROWS: readonly DatagramRow[] = [
  arp('a request', ARP),
  arp('27 bytes', ARP.subarray(0, 41)),
  arp('nothing behind the Ethernet header', ARP.subarray(0, 14)),
  arp('hardware type 6', edited(ARP, [14, 0, 6])),
  ...[0, 5, 7, 255].map(size => arp(`hardware length ${size}`, edited(ARP, [18, size]))),
  ...[0, 5, 16, 255].map(size => arp(`protocol length ${size}`, edited(ARP, [19, size]))),
  ...[0, 3, 0xffff].map(op => arp(`operation ${op}`, edited(ARP, [20, op >> 8, op & 0xff]))),
  arp('a sender that is not the source of the frame', edited(ARP, [22, 2, 0, 0, 0, 0, 9])),
  arp('sender 0.0.0.0, a probe', edited(ARP, [28, 0, 0, 0, 0])),
  arp('sender 255.255.255.255', edited(ARP, [28, 255, 255, 255, 255])),
  arp('gratuitous', edited(ARP, [38, 198, 18, 0, 2])),
];
