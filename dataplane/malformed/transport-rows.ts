/** TCP (RFC 9293), UDP (RFC 768), ICMPv6 and neighbour discovery (RFC 4443, RFC 4861). */
import {
  concat,
  icmpEchoFrame,
  neighborAdvertisementFrame,
  neighborSolicitationFrame,
  pattern,
  tcpFrame,
  udpFrame,
} from '../testing/frames.ts';
import { type DatagramRow, edited, INWARD, inner } from './row.ts';

const TRANSPORT = 34;
const TCP = tcpFrame({ ...INWARD, payload: pattern(60) });
const UDP = udpFrame({ ...INWARD, payload: pattern(60) });

const tcp = (name: string, frame: Uint8Array) => inner('TCP', name, frame);
const udp = (name: string, frame: Uint8Array) => inner('UDP', name, frame);
const flags = (value: number) => tcpFrame({ ...INWARD, flags: value });
const option = (...bytes: readonly number[]) =>
  edited(tcpFrame({ ...INWARD, payload: concat(Uint8Array.from(bytes), pattern(60)) }), [
    TRANSPORT + 12,
    0x60,
  ]);

export const TCP_ROWS: readonly DatagramRow[] = [
  ...[0, 1, 2, 3, 4, 15].map(words => tcp(`data offset ${words}`, edited(TCP, [TRANSPORT + 12, words << 4]))),
  tcp('data offset past the end', edited(TCP.subarray(0, TRANSPORT + 20), [TRANSPORT + 12, 0xf0])),
  tcp('SYN and FIN', flags(0x03)),
  tcp('no flags', flags(0x00)),
  tcp('all flags', flags(0xff)),
  tcp('FIN, PSH and URG', flags(0x29)),
  tcp('RST with data', flags(0x14)),
  tcp('URG', flags(0x30)),
  tcp('CWR', flags(0x90)),
  tcp('an option of length 0', option(8, 0, 1, 1)),
  tcp('an option of length 1', option(8, 1, 1, 1)),
  tcp('an option past the end', option(8, 40, 1, 1)),
  tcp('ACK alone', tcpFrame({ ...INWARD, payload: new Uint8Array(0) })),
  tcp('a wrong checksum', edited(TCP, [TRANSPORT + 16, 0x12, 0x34])),
  tcp('checksum 0', edited(TCP, [TRANSPORT + 16, 0, 0])),
  tcp('the same again', TCP),
  tcp('19 bytes of header', TCP.subarray(0, TRANSPORT + 19)),
];

export const UDP_ROWS: readonly DatagramRow[] = [
  ...[0, 1, 7, 8, 67, 69, 0xffff].map(size =>
    udp(`length ${size} of 68`, edited(UDP, [TRANSPORT + 4, size >> 8, size & 0xff])),
  ),
  udp('checksum 0, which is none', edited(UDP, [TRANSPORT + 6, 0, 0])),
  udp('checksum 0 over IPv6', edited(udpFrame({ ...INWARD, family: 6 }), [60, 0, 0])),
  udp('a wrong checksum', edited(UDP, [TRANSPORT + 6, 0x12, 0x34])),
  udp('no payload', udpFrame({ ...INWARD, payload: new Uint8Array(0) })),
  udp('7 bytes of header', UDP.subarray(0, TRANSPORT + 7)),
  udp('port 0 to port 0', edited(UDP, [TRANSPORT, 0, 0, 0, 0])),
  udp(
    'to the VXLAN port of our VTEP',
    edited(udpFrame({ ...INWARD, destinationPort: 4789 }), [30, 192, 0, 2, 1]),
  ),
];

const NS = neighborSolicitationFrame(INWARD);
const NA = neighborAdvertisementFrame(INWARD);
const nd = (name: string, frame: Uint8Array) => inner('ND', name, frame);
/** The type of the ICMPv6 message, and its first option. */
const ICMP = 54;
const OPTION = ICMP + 24;

export const ND_ROWS: readonly DatagramRow[] = [
  nd('a solicitation', NS),
  nd('hop limit 64', edited(NS, [21, 64])),
  nd('code 1', edited(NS, [ICMP + 1, 1])),
  nd('23 bytes of message', NS.subarray(0, OPTION - 1)),
  nd('an option of length 0', edited(NS, [OPTION + 1, 0])),
  nd('an option past the end', edited(NS, [OPTION + 1, 255])),
  nd('150 options of length 0', concat(NS, new Uint8Array(1200))),
  nd('a solicitation from :: with a link-layer address', edited(NS, [22, ...new Array<number>(16).fill(0)])),
  nd('a multicast target', edited(NS, [ICMP + 8, 0xff])),
  nd('an advertisement', NA),
  nd('an advertisement, multicast and solicited', edited(NA, [38, 0xff, 2])),
  nd('an advertisement with a wrong checksum', edited(NA, [ICMP + 2, 0x12, 0x34])),
  nd('a router advertisement', edited(NA, [ICMP, 134])),
  nd('a redirect', edited(NA, [ICMP, 137])),
  nd('MLDv2 with 65,535 records', edited(NA, [ICMP, 143, 0, 0, 0, 0, 0, 0xff, 0xff])),
  nd(
    'an error that quotes half a header',
    edited(icmpEchoFrame('request', { ...INWARD, family: 6, payload: pattern(12) }), [ICMP, 1]),
  ),
];
