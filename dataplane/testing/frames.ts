/**
 * Frames for tests, with right lengths and checksums. Every function returns bytes on a buffer of their own and of
 * exactly their size, so that a DataView over it ({@link viewOf}) throws on any read behind the end.
 */
import {
  BROADCAST_MAC,
  type IpAddress,
  ipFamily,
  ipToBytes,
  type MacAddress,
  parseIp,
  parseMac,
  type Vni,
} from '../address.ts';
import {
  addIpv4PseudoHeader,
  addIpv6PseudoHeader,
  addRange,
  checksum,
  finish,
  finishUdp,
  fold,
} from '../checksum.ts';
import { ARP_SIZE, writeArpHeader, writeArpSender, writeArpTarget } from '../headers/arp.ts';
import {
  ETHERNET_HEADER_SIZE,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_VLAN,
  VLAN_TAG_SIZE,
  writeDestinationMac,
  writeEtherType,
  writeSourceMac,
} from '../headers/ethernet.ts';
import {
  IPV4_DONT_FRAGMENT,
  IPV4_MIN_HEADER_SIZE,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../headers/ipv4.ts';
import { IPV6_HEADER_SIZE } from '../headers/ipv6.ts';
import {
  ND_FLAG_OVERRIDE,
  ND_FLAG_SOLICITED,
  ND_LINK_LAYER_OPTION_SIZE,
  ND_MIN_SIZE,
  ND_NEIGHBOR_ADVERTISEMENT,
  ND_NEIGHBOR_SOLICITATION,
  ND_OPTION_SOURCE_LINK_LAYER,
  ND_OPTION_TARGET_LINK_LAYER,
  writeNdHeader,
  writeNdLinkLayer,
  writeNdTargetWord,
} from '../headers/nd.ts';
import {
  TCP_ACK,
  TCP_CHECKSUM_OFFSET,
  TCP_MIN_HEADER_SIZE,
  writeTcpControl,
  writeTcpNumbers,
  writeTcpPorts,
} from '../headers/tcp.ts';
import { UDP_CHECKSUM_OFFSET, UDP_HEADER_SIZE, writeUdpHeader } from '../headers/udp.ts';
import { VXLAN_HEADER_SIZE, VXLAN_UDP_PORT, writeVxlan } from '../headers/vxlan.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

/** One end of a conversation. */
export interface Station {
  readonly mac: MacAddress;
  readonly ipv4: IpAddress;
  readonly ipv6: IpAddress;
}

/** A station with locally administered addresses made from `n` (1 … 254). */
export function station(n: number): Station {
  return {
    mac: (parseMac('02:00:5e:10:00:00') + n) as MacAddress,
    ipv4: parseIp(`198.18.0.${n}`),
    ipv6: parseIp(`2001:db8:18::${n.toString(16)}`),
  };
}

export const STATION_A = station(1);
export const STATION_B = station(2);

interface VlanTag {
  readonly id: number;
  /** @default ETHERTYPE_VLAN */
  readonly etherType?: number;
}

/** What every frame builder takes; without any of it: untagged, from A to B, over IPv4. */
export interface FrameOptions {
  readonly from?: Station;
  readonly to?: Station;
  readonly family?: 4 | 6;
  /** Outermost first. */
  readonly tags?: readonly VlanTag[];
  readonly tos?: number;
  readonly ttl?: number;
  /** Flags and fragment offset of IPv4. @default don't fragment */
  readonly flagsFragment?: number;
  /** Extension headers of IPv6: type and bytes; the first byte (next header) is filled in. */
  readonly extensions?: readonly { readonly type: number; readonly bytes: Uint8Array }[];
}

export interface TransportOptions extends FrameOptions {
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly payload?: Uint8Array;
  /** `partial`: only the pseudo header's sum, as the kernel leaves it to a network card. @default 'complete' */
  readonly checksum?: 'complete' | 'partial';
}

/** A DataView over exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `size` bytes that count up from `first`, modulo 251. */
export function pattern(size: number, first = 0): Bytes {
  const bytes = allocate(size);
  for (let i = 0; i < size; i++) bytes[i] = (first + i) % 251;
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const bytes = allocate(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function ethernetFrame(etherType: number, payload: Uint8Array, options: FrameOptions = {}): Bytes {
  const { from = STATION_A, to = STATION_B, tags = [] } = options;
  const header = allocate(ETHERNET_HEADER_SIZE + tags.length * VLAN_TAG_SIZE);
  const view = viewOf(header);
  writeDestinationMac(view, 0, to.mac);
  writeSourceMac(view, 0, from.mac);
  // Each type stands 4 bytes behind the one before it, the tag's identifier between them.
  tags.forEach((tag, i) => {
    writeEtherType(view, i * VLAN_TAG_SIZE, tag.etherType ?? ETHERTYPE_VLAN);
    view.setUint16(ETHERNET_HEADER_SIZE + i * VLAN_TAG_SIZE, tag.id);
  });
  writeEtherType(view, tags.length * VLAN_TAG_SIZE, etherType);
  return concat(header, payload);
}

/** A request is broadcast and asks for `to`; a reply is unicast. */
export function arpFrame(operation: number, options: FrameOptions = {}): Bytes {
  const { from = STATION_A, to = STATION_B } = options;
  const packet = allocate(ARP_SIZE);
  const view = viewOf(packet);
  const isRequest = operation === 1;
  writeArpHeader(view, 0, operation);
  writeArpSender(view, 0, from.mac, ipv4ToNumber(from.ipv4));
  writeArpTarget(view, 0, isRequest ? (0 as MacAddress) : to.mac, ipv4ToNumber(to.ipv4));
  const destination = isRequest ? { ...to, mac: BROADCAST_MAC } : to;
  return ethernetFrame(ETHERTYPE_ARP, packet, { ...options, to: destination });
}

/** An IPv4 or IPv6 packet, by the family of the addresses. */
export function ipPacket(
  source: IpAddress,
  destination: IpAddress,
  protocol: number,
  payload: Uint8Array,
  options: FrameOptions = {},
): Bytes {
  if (ipFamily(source) === 6) return ipv6Packet(source, destination, protocol, payload, options);
  const header = allocate(IPV4_MIN_HEADER_SIZE);
  const view = viewOf(header);
  view.setUint8(0, 0x45);
  view.setUint8(1, options.tos ?? 0);
  view.setUint16(2, header.length + payload.length);
  view.setUint16(6, options.flagsFragment ?? IPV4_DONT_FRAGMENT);
  view.setUint8(8, options.ttl ?? 64);
  view.setUint8(9, protocol);
  header.set(ipToBytes(source), 12);
  header.set(ipToBytes(destination), 16);
  view.setUint16(10, checksum(view, 0, header.length));
  return concat(header, payload);
}

export function udpFrame(options: TransportOptions = {}): Bytes {
  const { sourcePort = 40_000, destinationPort = 5000, payload = pattern(32) } = options;
  const header = allocate(UDP_HEADER_SIZE);
  writeUdpHeader(viewOf(header), 0, sourcePort, destinationPort, header.length + payload.length);
  return transportFrame(PROTOCOL_UDP, concat(header, payload), UDP_CHECKSUM_OFFSET, options);
}

export function tcpFrame(options: TransportOptions & { readonly flags?: number } = {}): Bytes {
  const { sourcePort = 40_000, destinationPort = 5000, payload = pattern(32), flags = TCP_ACK } = options;
  const header = allocate(TCP_MIN_HEADER_SIZE);
  const view = viewOf(header);
  writeTcpPorts(view, 0, sourcePort, destinationPort);
  writeTcpNumbers(view, 0, 0x01020304, 0x05060708);
  writeTcpControl(view, 0, header.length, flags, 512);
  return transportFrame(PROTOCOL_TCP, concat(header, payload), TCP_CHECKSUM_OFFSET, options);
}

/** ICMP (RFC 792) or ICMPv6 (RFC 4443) echo. */
export function icmpEchoFrame(
  kind: 'request' | 'reply',
  options: FrameOptions & { readonly sequence?: number; readonly payload?: Uint8Array } = {},
): Bytes {
  const { family = 4, sequence = 1, payload = pattern(56) } = options;
  const header = allocate(8);
  const view = viewOf(header);
  if (family === 4) view.setUint8(0, kind === 'request' ? 8 : 0);
  else view.setUint8(0, kind === 'request' ? 128 : 129);
  view.setUint16(4, 0x7766);
  view.setUint16(6, sequence);
  return transportFrame(family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6, concat(header, payload), 2, options);
}

/** `from` asks the solicited-node multicast group of `to` for its MAC address (RFC 4861 section 4.3). */
export function neighborSolicitationFrame(options: FrameOptions = {}): Bytes {
  const { from = STATION_A, to = STATION_B } = options;
  const target = ipToBytes(to.ipv6);
  const low = target.subarray(13);
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...low);
  // RFC 2464 section 7: 33:33 and the last four bytes of the group.
  const mac = Number.parseInt(`3333${Buffer.from(group.subarray(12)).toString('hex')}`, 16) as MacAddress;
  const message = ndMessage(ND_NEIGHBOR_SOLICITATION, 0, target, ND_OPTION_SOURCE_LINK_LAYER, from.mac);
  const destination = { ...to, mac, ipv6: parseIp(formatIpv6(group)) };
  return transportFrame(PROTOCOL_ICMPV6, message, 2, { ttl: 255, ...options, family: 6, to: destination });
}

/** `from` tells `to` its MAC address (RFC 4861 section 4.4). */
export function neighborAdvertisementFrame(options: FrameOptions = {}): Bytes {
  const { from = STATION_B, to = STATION_A } = options;
  const message = ndMessage(
    ND_NEIGHBOR_ADVERTISEMENT,
    ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE,
    ipToBytes(from.ipv6),
    ND_OPTION_TARGET_LINK_LAYER,
    from.mac,
  );
  return transportFrame(PROTOCOL_ICMPV6, message, 2, { ttl: 255, ...options, family: 6, from, to });
}

/** The payload of an outer UDP datagram: VXLAN header and inner frame. */
export function vxlanPayload(vni: Vni, frame: Uint8Array): Bytes {
  const header = allocate(VXLAN_HEADER_SIZE);
  writeVxlan(viewOf(header), 0, vni);
  return concat(header, frame);
}

/** The whole outer frame on the underlay, from `from` to `to`. */
export function vxlanFrame(vni: Vni, frame: Uint8Array, options: TransportOptions = {}): Bytes {
  const payload = vxlanPayload(vni, frame);
  return udpFrame({ sourcePort: 49_152, destinationPort: VXLAN_UDP_PORT, ...options, payload });
}

/** The address as the unsigned 32-bit number that header getters give. */
export function ipv4ToNumber(address: IpAddress): number {
  return viewOf(ipToBytes(address)).getUint32(0);
}

function allocate(size: number): Bytes {
  return Buffer.allocUnsafeSlow(size).fill(0);
}

function formatIpv6(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return (hex.match(/.{4}/g) ?? []).join(':');
}

function ipv6Packet(
  source: IpAddress,
  destination: IpAddress,
  protocol: number,
  payload: Uint8Array,
  options: FrameOptions,
): Bytes {
  const extensions = options.extensions ?? [];
  const chain = extensions.map(({ bytes }, i) => {
    const header = concat(bytes);
    header[0] = extensions[i + 1]?.type ?? protocol;
    return header;
  });
  const body = concat(...chain, payload);
  const header = allocate(IPV6_HEADER_SIZE);
  const view = viewOf(header);
  view.setUint32(0, 0x6000_0000 + (options.tos ?? 0) * 0x10_0000);
  view.setUint16(4, body.length);
  view.setUint8(6, extensions[0]?.type ?? protocol);
  view.setUint8(7, options.ttl ?? 64);
  header.set(ipToBytes(source), 8);
  header.set(ipToBytes(destination), 24);
  return concat(header, body);
}

function ndMessage(type: number, flags: number, target: Uint8Array, option: number, mac: MacAddress): Bytes {
  const message = allocate(ND_MIN_SIZE + ND_LINK_LAYER_OPTION_SIZE);
  const view = viewOf(message);
  writeNdHeader(view, 0, type, flags);
  for (let word = 0; word < 4; word++) writeNdTargetWord(view, 0, word, viewOf(target).getUint32(word * 4));
  writeNdLinkLayer(view, 0, option, mac);
  return message;
}

/** Puts the transport message, its checksum field still 0, into a packet and a frame, and fills the checksum in. */
function transportFrame(
  protocol: number,
  message: Uint8Array,
  checksumOffset: number,
  options: TransportOptions,
): Bytes {
  const { from = STATION_A, to = STATION_B, family = 4 } = options;
  const [source, destination] = family === 4 ? [from.ipv4, to.ipv4] : [from.ipv6, to.ipv6];
  const packet = ipPacket(source, destination, protocol, message, options);
  const view = viewOf(packet);
  const at = packet.length - message.length;
  const addPseudoHeader = family === 4 ? addIpv4PseudoHeader : addIpv6PseudoHeader;
  // RFC 792: the ICMP checksum has no pseudo header.
  const pseudo = protocol === PROTOCOL_ICMP ? 0 : addPseudoHeader(0, view, 0, protocol, message.length);
  const sum = addRange(pseudo, view, at, message.length);
  const complete = protocol === PROTOCOL_UDP ? finishUdp(sum) : finish(sum);
  view.setUint16(at + checksumOffset, options.checksum === 'partial' ? fold(pseudo) : complete);
  return ethernetFrame(family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6, packet, options);
}
