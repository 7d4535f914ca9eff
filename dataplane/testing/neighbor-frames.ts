/** ARP and ND frames that ask or tell something special (frames.ts has the ordinary ones), checksums right. */
import { BROADCAST_MAC, type IpAddress, ipToBytes, type MacAddress, parseIp } from '../address.ts';
import { ARP_REPLY } from '../headers/arp.ts';
import { writeDestinationMac } from '../headers/ethernet.ts';
import { writeNdChecksum } from '../headers/nd.ts';
import {
  arpFrame,
  type Bytes,
  concat,
  ipv4ToNumber,
  neighborAdvertisementFrame,
  neighborSolicitationFrame,
  type Station,
  viewOf,
} from './frames.ts';

const ARP = 14;
const IP = 14;
const ICMP = IP + 40;
const NONCE = 14;

/** `from` asks whether somebody has the address of `to` (RFC 5227 section 1.1). */
export function arpProbe(from: Station, to: Station): Bytes {
  return arpFrame(1, { from: { ...from, ipv4: parseIp('0.0.0.0') }, to });
}

/** `from` tells everybody its address: by a request (RFC 5227 section 3), or by a broadcast reply (RFC 5944 section 4.6). */
export function arpAnnouncement(from: Station, operation: 1 | 2 = 1): Bytes {
  const frame = arpFrame(operation, { from, to: from });
  writeDestinationMac(viewOf(frame), 0, BROADCAST_MAC);
  if (operation === ARP_REPLY) viewOf(frame).setUint32(ARP + 24, ipv4ToNumber(from.ipv4));
  return frame;
}

/** `frame` with its sender's MAC in the ARP packet, or its first ND option, replaced. */
export function inNameOf(frame: Bytes, mac: MacAddress): Bytes {
  const copy = Buffer.from(concat(frame));
  const isArp = copy.readUInt16BE(12) === 0x0806;
  copy.writeUIntBE(mac, isArp ? ARP + 8 : ICMP + 26, 6);
  if (!isArp) writeNdChecksum(viewOf(copy), IP, ICMP, copy.length - ICMP);
  return concat(copy);
}

/** `from` asks whether somebody has the address of `to`, before it uses it (RFC 4862 section 5.4.2). */
export function ndProbe(from: Station, to: Station): Bytes {
  const frame = neighborSolicitationFrame({ from: { ...from, ipv6: parseIp('::') }, to });
  // A nonce (RFC 7527) in the place of the link-layer address, which must not be there.
  frame[ICMP + 24] = NONCE;
  return ndChecked(frame);
}

/** `from` tells everybody its address, unasked (RFC 4861 section 7.2.6). */
export function ndAnnouncement(from: Station): Bytes {
  const everybody = { ...from, mac: 0x3333_0000_0001 as MacAddress, ipv6: parseIp('ff02::1') as IpAddress };
  const frame = neighborAdvertisementFrame({ from, to: everybody });
  frame[ICMP + 4] = 0x20;
  return ndChecked(frame);
}

/** A copy whose ND checksum is right again. */
export function ndChecked(frame: Bytes): Bytes {
  const copy = concat(frame);
  writeNdChecksum(viewOf(copy), IP, ICMP, copy.length - ICMP);
  return copy;
}

type NeighborFields = Readonly<Record<string, string | number> & { readonly senderIp?: string }>;

/** What is in an ARP packet or an advertisement, to be compared. */
export function readNeighborFrame(frame: Buffer): NeighborFields {
  const hex = (from: number, size: number) => frame.subarray(from, from + size).toString('hex');
  const ethernet = { to: hex(0, 6), from: hex(6, 6) };
  if (frame.readUInt16BE(12) === 0x0806) {
    return {
      ...ethernet,
      operation: frame.readUInt16BE(ARP + 6),
      senderMac: hex(ARP + 8, 6),
      senderIp: hex(ARP + 14, 4),
      targetMac: hex(ARP + 18, 6),
      targetIp: hex(ARP + 24, 4),
    };
  }
  return {
    ...ethernet,
    source: hex(IP + 8, 16),
    destination: hex(IP + 24, 16),
    type: frame.readUInt8(ICMP),
    flags: frame.readUInt8(ICMP + 4),
    target: hex(ICMP + 8, 16),
    option: hex(ICMP + 24, 8),
  };
}

export function macHex(mac: MacAddress): string {
  return mac.toString(16).padStart(12, '0');
}

export function ipHex(address: IpAddress): string {
  return Buffer.from(ipToBytes(address)).toString('hex');
}
