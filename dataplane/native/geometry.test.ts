import { constants } from 'node:os';
import test from 'ava';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../frame-batch.ts';
import { batchIo } from './batch-io.ts';
import { type Packet, type PacketOptions, partialPacket } from './testing/packets.ts';

const { EINVAL } = constants.errno;

interface Offload {
  readonly flags?: number;
  readonly gsoType?: number;
  readonly gsoSize?: number;
  readonly csumStart?: number;
  readonly csumOffset?: number;
}

/** The addon's verdict on a frame that is the whole arena, so that a sanitizer sees one byte too far. */
function verdict(bytes: Uint8Array, offload: Offload): number {
  const arena = new ArrayBuffer(bytes.length);
  new Uint8Array(arena).set(bytes);
  const batch = new FrameBatch(1);
  batch.setLength(0, bytes.length);
  batch.setFlags(0, offload.flags ?? FLAG_NEEDS_CSUM);
  batch.setGsoType(0, offload.gsoType ?? 0);
  batch.setGsoSize(0, offload.gsoSize ?? 0);
  batch.setCsumStart(0, offload.csumStart ?? 0);
  batch.setCsumOffset(0, offload.csumOffset ?? 0);
  return batchIo.completeChecksum(arena, batch.memory, 0);
}

function honest(packet: Packet): Offload {
  return { csumStart: packet.transport, csumOffset: packet.field };
}

const TCP4: PacketOptions = { family: 4, protocol: 'tcp', payload: new Uint8Array(3000) };
const TCP6: PacketOptions = { family: 6, protocol: 'tcp', payload: new Uint8Array(3000) };
const UDP4: PacketOptions = { family: 4, protocol: 'udp', payload: new Uint8Array(3000) };
const UDP6: PacketOptions = { family: 6, protocol: 'udp', payload: new Uint8Array(3000) };

/** A packet with bytes overwritten: [offset from the network header, value] each. */
function edited(options: PacketOptions, ...edits: readonly (readonly [number, number])[]): Packet {
  const packet = partialPacket(options);
  for (const [at, value] of edits) packet.bytes[packet.network + at] = value;
  return packet;
}

const checksumCases: readonly [string, (packet: Packet) => Offload, number][] = [
  ['the honest one', honest, 0],
  ['csum_start 0', p => ({ ...honest(p), csumStart: 0 }), EINVAL],
  ['csum_start 13', p => ({ ...honest(p), csumStart: 13 }), EINVAL],
  ['csum_start within the IP header', p => ({ ...honest(p), csumStart: p.transport - 2 }), EINVAL],
  ['an odd csum_start', p => ({ ...honest(p), csumStart: p.transport + 1 }), EINVAL],
  ['csum_start behind the transport header', p => ({ csumStart: p.headers, csumOffset: 0 }), 0],
  ['csum_start in the last two bytes', p => ({ csumStart: p.bytes.length - 2, csumOffset: 0 }), 0],
  ['csum_start at the end', p => ({ csumStart: p.bytes.length, csumOffset: 0 }), EINVAL],
  ['csum_start 65534', p => ({ ...honest(p), csumStart: 65_534 }), EINVAL],
  ['an odd csum_offset', p => ({ ...honest(p), csumOffset: 15 }), EINVAL],
  [
    'csum_offset that ends with the frame',
    p => ({ ...honest(p), csumOffset: p.bytes.length - p.transport - 2 }),
    0,
  ],
  ['csum_offset two further', p => ({ ...honest(p), csumOffset: p.bytes.length - p.transport }), EINVAL],
  ['csum_offset 65534, whose sum wraps 16 bits', p => ({ ...honest(p), csumOffset: 65_534 }), EINVAL],
  ['an unknown flag', p => ({ ...honest(p), flags: 0xff }), EINVAL],
  ['RSC_INFO', p => ({ ...honest(p), flags: 0x05 }), EINVAL],
];

for (const [what, offload, expected] of checksumCases) {
  test(`geometry of a checksum: ${what}`, t => {
    for (const options of [TCP4, TCP6, UDP4, UDP6]) {
      const packet = partialPacket(options);
      t.is(verdict(packet.bytes, offload(packet)), expected, `${options.protocol} over IPv${options.family}`);
    }
  });
}

const badPackets: readonly [string, Packet][] = [
  ['IPv4 version 5', edited(TCP4, [0, 0x55])],
  ['IPv4 header length 1', edited(TCP4, [0, 0x41])],
  ['IPv4 header length 15 over a header of 5', edited(TCP4, [0, 0x4f])],
  ['IPv6 version 4', edited(TCP6, [0, 0x40])],
  [
    'an extension header that passes the end',
    edited({ ...TCP6, payload: new Uint8Array(0) }, [6, 0], [41, 255]),
  ],
];

for (const [what, packet] of badPackets) {
  test(`geometry refuses a checksum in a packet with ${what}`, t => {
    t.is(verdict(packet.bytes, honest(packet)), EINVAL);
  });
}

test('geometry refuses a chain of extension headers that never ends', t => {
  // Each 8 zeros are a hop-by-hop header of 8 bytes that is followed by another.
  const packet = edited(TCP6, [6, 0]);
  packet.bytes.fill(0, packet.transport);
  t.is(verdict(packet.bytes, honest(packet)), EINVAL);
});

test('geometry refuses more than two VLAN tags and accepts two', t => {
  for (const vlans of [0, 1, 2, 3]) {
    const packet = partialPacket({ ...TCP4, vlans });
    t.is(verdict(packet.bytes, honest(packet)), vlans <= 2 ? 0 : EINVAL);
  }
});

function segmented(packet: Packet, gsoType: number, gsoSize: number): Offload {
  return { ...honest(packet), gsoType, gsoSize };
}

const withOptions = edited(TCP4, [20 + 12, 0xf0]);

const gsoCases: readonly [string, Packet, number, number, number][] = [
  ['TCPV4', partialPacket(TCP4), GSO_TCPV4, 1000, 0],
  ['TCPV4 with ECN', partialPacket(TCP4), GSO_TCPV4 | GSO_ECN, 1000, 0],
  ['TCPV4 with 40 bytes of TCP options', withOptions, GSO_TCPV4, 1000, 0],
  ['TCPV6', partialPacket(TCP6), GSO_TCPV6, 1000, 0],
  ['UDP_L4 over IPv4', partialPacket(UDP4), GSO_UDP_L4, 1000, 0],
  ['UDP_L4 over IPv6', partialPacket(UDP6), GSO_UDP_L4, 1000, 0],
  ['UDP_L4 in 128 segments', partialPacket({ ...UDP4, payload: new Uint8Array(1280) }), GSO_UDP_L4, 10, 0],
  [
    'UDP_L4 in 129 segments',
    partialPacket({ ...UDP4, payload: new Uint8Array(1281) }),
    GSO_UDP_L4,
    10,
    EINVAL,
  ],
  ['UDP_L4 with ECN', partialPacket(UDP4), GSO_UDP_L4 | GSO_ECN, 1000, EINVAL],
  ['UDP_L4 whose UDP length is less', edited(UDP4, [24, 0], [25, 8]), GSO_UDP_L4, 1000, EINVAL],
  ['UDP_L4 on TCP', partialPacket(TCP4), GSO_UDP_L4, 1000, EINVAL],
  ['TCPV4 on UDP', partialPacket(UDP4), GSO_TCPV4, 1000, EINVAL],
  ['TCPV4 on IPv6', partialPacket(TCP6), GSO_TCPV4, 1000, EINVAL],
  ['TCPV6 on IPv4', partialPacket(TCP4), GSO_TCPV6, 1000, EINVAL],
  ['a segment size of 0', partialPacket(TCP4), GSO_TCPV4, 0, EINVAL],
  ['a segment size of 1', partialPacket(TCP4), GSO_TCPV4, 1, EINVAL],
  ['a segment size of 8', partialPacket(TCP4), GSO_TCPV4, 8, 0],
  ['no payload', partialPacket({ ...TCP4, payload: new Uint8Array(0) }), GSO_TCPV4, 1000, EINVAL],
  ['ECN alone', partialPacket(TCP4), GSO_ECN, 1000, EINVAL],
  ['type 2', partialPacket(TCP4), 2, 1000, EINVAL],
  ['UFO, type 3', partialPacket(UDP4), 3, 1000, EINVAL],
  ['type 0x7f', partialPacket(TCP4), 0x7f, 1000, EINVAL],
  ['a tunnel type that was not negotiated', partialPacket(TCP4), GSO_TCPV4 | 0x20, 1000, EINVAL],
  ['TCP data offset 1', edited(TCP4, [32, 0x10]), GSO_TCPV4, 1000, EINVAL],
  ['a fragment', edited(TCP4, [6, 0x20]), GSO_TCPV4, 1000, EINVAL],
  ['a fragment behind the first', edited(TCP4, [7, 1]), GSO_TCPV4, 1000, EINVAL],
  ['an IP length that is too small', edited(TCP4, [3, 0]), GSO_TCPV4, 1000, EINVAL],
  ['an IPv6 length that is too small', edited(TCP6, [5, 0]), GSO_TCPV6, 1000, EINVAL],
];

for (const [what, packet, type, size, expected] of gsoCases) {
  test(`geometry of a super-frame: ${what}`, t => {
    t.is(verdict(packet.bytes, segmented(packet, type, size)), expected);
  });
}

test('geometry refuses a super-frame without NEEDS_CSUM, of another ethertype, or with a wrapped IP length', t => {
  const packet = partialPacket(TCP4);
  t.is(verdict(packet.bytes, { ...segmented(packet, GSO_TCPV4, 1000), flags: 0 }), EINVAL);
  for (const type of [0x0806, 0x0000, 0x88b5]) {
    const other = partialPacket(TCP4);
    other.bytes.writeUInt16BE(type, 12);
    t.is(verdict(other.bytes, segmented(other, GSO_TCPV4, 1000)), EINVAL);
  }
  const wrapped = Buffer.concat([packet.bytes, new Uint8Array(67_000)]);
  wrapped.writeUInt16BE((wrapped.length - 14) & 0xffff, 16);
  t.is(verdict(wrapped, segmented(packet, GSO_TCPV4, 1000)), EINVAL);
});

test('geometry reads no byte beyond a frame cut at any length, and never accepts a cut super-frame', t => {
  for (const options of [TCP4, TCP6, UDP4, UDP6]) {
    const packet = partialPacket({ ...options, payload: new Uint8Array(64), vlans: 1 });
    const type = options.protocol === 'udp' ? GSO_UDP_L4 : options.family === 4 ? GSO_TCPV4 : GSO_TCPV6;
    for (let length = 1; length < packet.bytes.length; length++) {
      const cut = packet.bytes.subarray(0, length);
      verdict(cut, honest(packet));
      t.is(verdict(cut, segmented(packet, type, 16)), EINVAL);
    }
  }
});

test('geometry survives every odd value in each of the first 128 bytes', t => {
  for (const options of [TCP4, TCP6, UDP4, UDP6]) {
    const packet = partialPacket({ ...options, payload: new Uint8Array(100) });
    const type = options.protocol === 'udp' ? GSO_UDP_L4 : options.family === 4 ? GSO_TCPV4 : GSO_TCPV6;
    for (let at = 0; at < Math.min(128, packet.bytes.length); at++) {
      for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
        const bytes = Buffer.from(packet.bytes);
        bytes[at] = value;
        t.true([0, EINVAL].includes(verdict(bytes, honest(packet))));
        t.true([0, EINVAL].includes(verdict(bytes, segmented(packet, type, 16))));
      }
    }
  }
});
