/** IPv4 (RFC 791) and IPv6 (RFC 8200). */
import {
  concat,
  ethernetFrame,
  ipPacket,
  pattern,
  STATION_A,
  STATION_B,
  tcpFrame,
  udpFrame,
} from '../testing/frames.ts';
import { type DatagramRow, edited, INWARD, inner } from './row.ts';

const V4 = udpFrame({ ...INWARD, payload: pattern(64) });
const V6 = udpFrame({ ...INWARD, family: 6, payload: pattern(64) });
const IP = 14;

const v4 = (name: string, frame: Uint8Array) => inner('IPv4', name, frame);
const v6 = (name: string, frame: Uint8Array) => inner('IPv6', name, frame);

const ipv4 = (protocol: number) =>
  ethernetFrame(0x0800, ipPacket(STATION_B.ipv4, STATION_A.ipv4, protocol, pattern(64), {}), INWARD);
const ipv6 = (next: number, payload: Uint8Array = pattern(64)) =>
  ethernetFrame(0x86dd, ipPacket(STATION_B.ipv6, STATION_A.ipv6, next, payload, {}), INWARD);

const fragment = (flagsFragment: number) => udpFrame({ ...INWARD, flagsFragment, payload: pattern(64) });

export const IPV4_ROWS: readonly DatagramRow[] = [
  ...[0, 5, 6, 15].map(version => v4(`version ${version}`, edited(V4, [IP, (version << 4) | 5]))),
  ...[0, 1, 2, 3, 4, 15].map(words => v4(`header length ${words}`, edited(V4, [IP, 0x40 | words]))),
  v4('a header that is longer than the frame', edited(V4.subarray(0, 40), [IP, 0x4f])),
  ...[0, 19, 20, 27, 91, 93, 0xffff].map(total =>
    v4(`total length ${total} of 92`, edited(V4, [IP + 2, total >> 8, total & 0xff])),
  ),
  v4('a wrong header checksum', edited(V4, [IP + 10, 0x12, 0x34])),
  v4(
    'an option of length 0',
    edited(concat(V4.subarray(0, 34), Uint8Array.of(7, 0, 0, 0), V4.subarray(34)), [IP, 0x46]),
  ),
  v4(
    'an option of length 1',
    edited(concat(V4.subarray(0, 34), Uint8Array.of(7, 1, 0, 0), V4.subarray(34)), [IP, 0x46]),
  ),
  v4(
    'an option past the end',
    edited(concat(V4.subarray(0, 34), Uint8Array.of(7, 40, 0, 0), V4.subarray(34)), [IP, 0x46]),
  ),
  v4('a first fragment with 4 bytes of UDP', fragment(0x2000).subarray(0, 38)),
  v4('MF and DF', fragment(0x6000)),
  v4('the reserved flag', fragment(0x8000)),
  v4('a last fragment', fragment(0x0008)),
  v4('a fragment that ends past 65,535', fragment(0x1fff)),
  v4('a fragment that overlaps by one octet', fragment(0x0001)),
  ...[0, 4, 41, 47, 50, 255].map(protocol => v4(`protocol ${protocol}`, ipv4(protocol))),
  v4('TTL 0', edited(V4, [IP + 8, 0])),
  v4('source equal to destination', edited(V4, [IP + 12, 198, 18, 0, 1])),
  v4('source 0.0.0.0', edited(V4, [IP + 12, 0, 0, 0, 0])),
  v4('source 127.0.0.1', edited(V4, [IP + 12, 127, 0, 0, 1])),
  v4('source 224.0.0.1', edited(V4, [IP + 12, 224, 0, 0, 1])),
  v4('source 255.255.255.255', edited(V4, [IP + 12, 255, 255, 255, 255])),
  v4('destination 127.0.0.1', edited(V4, [IP + 16, 127, 0, 0, 1])),
  v4('destination 169.254.169.254', edited(V4, [IP + 16, 169, 254, 169, 254])),
  v4('destination our VTEP', edited(V4, [IP + 16, 192, 0, 2, 1])),
];

const chain = (count: number, type = 60) =>
  udpFrame({
    ...INWARD,
    family: 6,
    extensions: Array.from({ length: count }, () => ({ type, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) })),
  });
const extension = (type: number, bytes: Uint8Array) =>
  tcpFrame({ ...INWARD, family: 6, extensions: [{ type, bytes }] });
const FRAGMENT = { type: 44, bytes: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 9) };

export const IPV6_ROWS: readonly DatagramRow[] = [
  ...[0, 4, 5, 15].map(version => v6(`version ${version}`, edited(V6, [IP, version << 4]))),
  ...[0, 7, 8, 71, 73, 0xffff].map(size =>
    v6(`payload length ${size} of 72`, edited(V6, [IP + 4, size >> 8, size & 0xff])),
  ),
  v6('a jumbo option', extension(0, Uint8Array.of(0, 0, 0xc2, 4, 0, 1, 0, 0))),
  v6('an extension header of 2,048 bytes that are not there', edited(chain(1), [IP + 41, 255])),
  v6('100 headers of 8 bytes', chain(100)),
  v6('8 headers, as many as are walked', chain(8)),
  v6('9 headers', chain(9)),
  v6('a header past the end', chain(1).subarray(0, IP + 44)),
  v6(
    'hop-by-hop behind destination options',
    udpFrame({
      ...INWARD,
      family: 6,
      extensions: [60, 0].map(type => ({ type, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) })),
    }),
  ),
  v6('AH, whose length counts 4 bytes', extension(51, Uint8Array.of(0, 4, ...new Array<number>(22).fill(0)))),
  v6('ESP', ipv6(50)),
  v6('no next header', ipv6(59)),
  ...[132, 133, 139, 140, 200, 253].map(next => v6(`next header ${next}`, ipv6(next))),
  v6('an atomic fragment', extension(44, new Uint8Array(8))),
  v6('a first fragment', udpFrame({ ...INWARD, family: 6, extensions: [FRAGMENT] })),
  v6('two fragment headers', udpFrame({ ...INWARD, family: 6, extensions: [FRAGMENT, FRAGMENT] })),
  v6('routing type 0', extension(43, Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0))),
  v6('an IPv4-mapped source', edited(V6, [IP + 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1])),
  v6('a multicast source', edited(V6, [IP + 8, 0xff])),
  v6('source ::', edited(V6, [IP + 8, ...new Array<number>(16).fill(0)])),
];
