/** A whole UDP datagram with its IP header and every checksum, as no socket would send it: DF set, and whatever size is asked for. */
import { ipFamily, ipToBytes, parseIp } from '../../../dataplane/address.ts';
import { addRange, finish, finishUdp } from '../../../dataplane/checksum.ts';
import { PROBE_QUESTION, writeProbe } from '../../../dataplane/headers/probe.ts';
import { VXLAN_HEADER_SIZE } from '../../../dataplane/headers/vxlan.ts';

/** IANA protocol number. */
const UDP = 17;
const UDP_HEADER = 8;
const IP_HEADER = { 4: 20, 6: 40 } as const;
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
  const ipHeader = IP_HEADER[family];
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
    view.setUint8(9, UDP);
    packet.set(addresses, 12);
    view.setUint16(10, finish(addRange(0, view, 0, ipHeader)));
  } else {
    // RFC 8200 section 3.
    view.setUint8(0, 0x60);
    view.setUint16(4, udpLength);
    view.setUint8(6, UDP);
    view.setUint8(7, TTL);
    packet.set(addresses, 8);
  }
  view.setUint16(ipHeader, sourcePort);
  view.setUint16(ipHeader + 2, port);
  view.setUint16(ipHeader + 4, udpLength);
  const vxlan = ipHeader + UDP_HEADER;
  writeProbe(view, vxlan, bytes - vxlan - VXLAN_HEADER_SIZE, {
    kind: PROBE_QUESTION,
    token: Buffer.from(token, 'hex'),
    number,
  });
  const pseudo =
    addRange(0, new DataView(Uint8Array.from(addresses).buffer), 0, addresses.length) + UDP + udpLength;
  view.setUint16(ipHeader + 6, finishUdp(addRange(pseudo, view, ipHeader, udpLength)));
  return packet;
}
