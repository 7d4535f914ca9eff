/** A whole UDP datagram with its IP header and every checksum, as no socket would send it: DF set, and whatever size is asked for. */
import { ipFamily, ipToBytes, parseIp } from '../../../dataplane/address.ts';
import { addRange, finish, finishUdp } from '../../../dataplane/checksum.ts';
import { IPV4_MIN_HEADER_SIZE, PROTOCOL_UDP } from '../../../dataplane/headers/ipv4.ts';
import { IPV6_HEADER_SIZE } from '../../../dataplane/headers/ipv6.ts';
import { PROBE_QUESTION, writeProbe } from '../../../dataplane/headers/probe.ts';
import { UDP_HEADER_SIZE, writeUdpChecksum, writeUdpHeader } from '../../../dataplane/headers/udp.ts';
import { VXLAN_HEADER_SIZE } from '../../../dataplane/headers/vxlan.ts';

/** RFC 791 section 3.1: bit 1 of the flags, "Don't Fragment". */
const DONT_FRAGMENT = 0x4000;
const TTL = 64;

export interface RawProbe {
  readonly from: string;
  readonly to: string;
  /** Where from, and where to. */
  readonly sourcePort: number;
  readonly port: number;
  /** 32 hex digits. */
  readonly token: string;
  readonly number: number;
  /** Of the whole IP packet. */
  readonly bytes: number;
}

export function probeDatagram({ from, to, sourcePort, port, token, number, bytes }: RawProbe): Buffer {
  const [source, destination] = [parseIp(from), parseIp(to)];
  const family = ipFamily(source);
  const ipHeader = family === 4 ? IPV4_MIN_HEADER_SIZE : IPV6_HEADER_SIZE;
  const packet = Buffer.alloc(bytes);
  const view = new DataView(packet.buffer, packet.byteOffset, bytes);
  const udpLength = bytes - ipHeader;
  const addresses = [...ipToBytes(source), ...ipToBytes(destination)];
  if (family === 4) {
    // RFC 791 section 3.1. The kernel sums it itself (raw(7)), and puts an identification where there is none.
    view.setUint8(0, 0x45);
    view.setUint16(2, bytes);
    view.setUint16(6, DONT_FRAGMENT);
    view.setUint8(8, TTL);
    view.setUint8(9, PROTOCOL_UDP);
    packet.set(addresses, 12);
    view.setUint16(10, finish(addRange(0, view, 0, ipHeader)));
  } else {
    // RFC 8200 section 3.
    view.setUint8(0, 0x60);
    view.setUint16(4, udpLength);
    view.setUint8(6, PROTOCOL_UDP);
    view.setUint8(7, TTL);
    packet.set(addresses, 8);
  }
  writeUdpHeader(view, ipHeader, sourcePort, port, udpLength);
  const vxlan = ipHeader + UDP_HEADER_SIZE;
  writeProbe(view, vxlan, bytes - vxlan - VXLAN_HEADER_SIZE, {
    kind: PROBE_QUESTION,
    token: Buffer.from(token, 'hex'),
    number,
  });
  const pseudo =
    addRange(0, new DataView(Uint8Array.from(addresses).buffer), 0, addresses.length) +
    PROTOCOL_UDP +
    udpLength;
  writeUdpChecksum(view, ipHeader, finishUdp(addRange(pseudo, view, ipHeader, udpLength)));
  return packet;
}
