/**
 * Where the fuzz targets begin: real frames, in the formats that stand at the head of each target. Generated, so that a
 * change of a format changes them all; seeds.test.ts holds the files to it.
 *
 * `node dist/dataplane/native/fuzz/write-seeds.js` writes them.
 */
import type { IpAddress } from '../../address.ts';
import { FLAG_NEEDS_CSUM, FRAME_SIZE, FrameBatch, GSO_ECN, GSO_NONE, GSO_UDP_L4 } from '../../frame-batch.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../headers/ethernet.ts';
import { TCP_CHECKSUM_OFFSET } from '../../headers/tcp.ts';
import { UDP_CHECKSUM_OFFSET } from '../../headers/udp.ts';
import {
  arpFrame,
  concat,
  ethernetFrame,
  icmpEchoFrame,
  ipPacket,
  neighborSolicitationFrame,
  pattern,
  STATION_A,
  STATION_B,
  tcpFrame,
  udpFrame,
} from '../../testing/frames.ts';
import { referenceSegments, type SuperFrame } from '../../testing/reference-segments.ts';
import { type SuperFrameOptions, superFrame } from '../../testing/super-frames.ts';

export interface Seed {
  readonly target: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const VXLAN = Uint8Array.of(0x08, 0, 0, 0, 0, 0, 42, 0);
const HOP_BY_HOP = { type: 0, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) };
const DESTINATION_OPTIONS = { type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) };
const FRAGMENT = { type: 44, bytes: new Uint8Array(8) };

/** Super-frames of every kind; small, or with a payload of zeros that no file has to hold. */
const SUPER_FRAMES: Readonly<Record<string, SuperFrame>> = Object.fromEntries(
  (
    [
      ['tcp4', { protocol: 'tcp', payload: pattern(100), gsoSize: 30 }],
      ['tcp4-options', { protocol: 'tcp', payload: pattern(90), gsoSize: 30, tcpOptions: pattern(12, 1) }],
      ['tcp4-ip-options', { protocol: 'tcp', payload: pattern(61), gsoSize: 30, ipv4Options: pattern(8, 1) }],
      ['tcp4-fin-psh-cwr', { protocol: 'tcp', payload: pattern(64), gsoSize: 16, flags: 0x99 }],
      ['tcp4-wraps', { protocol: 'tcp', payload: pattern(70), gsoSize: 8, sequence: 0xffff_fff0 }],
      ['tcp4-64k', { protocol: 'tcp', payload: new Uint8Array(65_480), gsoSize: 1398 }],
      ['tcp6', { protocol: 'tcp', family: 6, payload: pattern(100), gsoSize: 30 }],
      ['tcp6-64k', { protocol: 'tcp', family: 6, payload: new Uint8Array(65_400), gsoSize: 1378 }],
      ['udp4', { protocol: 'udp', payload: pattern(100), gsoSize: 30 }],
      ['udp4-one-byte', { protocol: 'udp', payload: pattern(40), gsoSize: 1 }],
      ['udp6', { protocol: 'udp', family: 6, payload: pattern(100), gsoSize: 50 }],
    ] as const
  ).map(([name, options]) => [name, superFrame(options as SuperFrameOptions)]),
);

interface Offered {
  readonly bytes: Uint8Array;
  readonly flags: number;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly headerLength: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

function offered(frame: SuperFrame): Offered {
  const csumOffset = frame.gsoType === GSO_UDP_L4 ? UDP_CHECKSUM_OFFSET : TCP_CHECKSUM_OFFSET;
  return { ...frame, flags: FLAG_NEEDS_CSUM, csumOffset };
}

function single(bytes: Uint8Array, csumStart = 0, csumOffset = 0): Offered {
  const flags = csumStart > 0 ? FLAG_NEEDS_CSUM : 0;
  return { bytes, flags, gsoType: GSO_NONE, gsoSize: 0, headerLength: 0, csumStart, csumOffset };
}

/** IP packets whose lengths are right and whose next header is not whole: its number, and bytes of it. */
const SHORT = [
  [6, 19],
  [17, 7],
  [0, 7],
  [60, 1],
] as const;

function shortPacket(family: 4 | 6, next: number, size: number): Uint8Array {
  const [source, destination] = [STATION_A, STATION_B].map(({ ipv4, ipv6 }) =>
    family === 4 ? ipv4 : ipv6,
  ) as [IpAddress, IpAddress];
  const packet = ipPacket(source, destination, next, new Uint8Array(size));
  return ethernetFrame(family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6, packet);
}

/** What a TAP hands over: with a vnet header each. */
const OFFERED: Readonly<Record<string, Offered>> = {
  ...Object.fromEntries(Object.entries(SUPER_FRAMES).map(([name, frame]) => [name, offered(frame)])),
  'tcp4-ecn': { ...offered(SUPER_FRAMES['tcp4-fin-psh-cwr'] as SuperFrame), gsoType: 1 | GSO_ECN },
  'tcp4-vlan': single(tcpFrame({ tags: [{ id: 7 }], checksum: 'partial' }), 38, TCP_CHECKSUM_OFFSET),
  'tcp6-extensions': single(
    tcpFrame({ family: 6, extensions: [HOP_BY_HOP, DESTINATION_OPTIONS], checksum: 'partial' }),
    70,
    TCP_CHECKSUM_OFFSET,
  ),
  'udp4-partial': single(udpFrame({ checksum: 'partial' }), 34, UDP_CHECKSUM_OFFSET),
  'udp6-partial': single(udpFrame({ family: 6, checksum: 'partial' }), 54, UDP_CHECKSUM_OFFSET),
  ...Object.fromEntries(
    SHORT.map(([next, size]) => [`short-${next}`, single(shortPacket(6, next, size), 54, 0)]),
  ),
  arp: single(arpFrame(1)),
  nd: single(neighborSolicitationFrame()),
  ping: single(icmpEchoFrame('request')),
};

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

/** struct virtio_net_hdr_v1, little endian. */
function vnet(frame: Offered): Uint8Array {
  const numbers = [frame.headerLength, frame.gsoSize, frame.csumStart, frame.csumOffset, 0].map(u16);
  return concat(Uint8Array.of(frame.flags, frame.gsoType), ...numbers);
}

/** Without the zeros at its end, and how many there are. */
function withoutTail(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly tail: number } {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return { bytes: bytes.subarray(0, end), tail: bytes.length - end };
}

function offeredSeed(frame: Offered): Uint8Array {
  const { bytes, tail } = withoutTail(frame.bytes);
  return concat(u16(tail), vnet(frame), bytes);
}

function* offeredSeeds(): Generator<Seed> {
  for (const [name, frame] of Object.entries(OFFERED)) {
    const bytes = offeredSeed(frame);
    yield { target: 'geometry', name, bytes };
    if (frame.gsoType !== GSO_NONE) yield { target: 'segment', name, bytes };
  }
}

/** The first two segments of a super-frame, and frames that stand alone. */
function* packetSeeds(): Generator<Seed> {
  const pair = (name: string, one: Uint8Array, other: Uint8Array): Seed => ({
    target: 'packet',
    name,
    bytes: concat(u16(one.length), one, other),
  });
  for (const [name, frame] of Object.entries(SUPER_FRAMES)) {
    if (frame.bytes.length > 1000) continue;
    const [one, other] = referenceSegments(frame) as [Uint8Array, Uint8Array];
    yield pair(name, one, other);
  }
  yield pair('partial', tcpFrame({ checksum: 'partial' }), udpFrame({ family: 6, checksum: 'partial' }));
  yield pair(
    'extensions',
    tcpFrame({ family: 6, extensions: [HOP_BY_HOP, DESTINATION_OPTIONS], checksum: 'partial' }),
    tcpFrame({ family: 6, extensions: [FRAGMENT] }),
  );
  yield pair('fragments', udpFrame({ flagsFragment: 0x2000 }), udpFrame({ flagsFragment: 0x0005 }));
  for (const [next, size] of SHORT) {
    yield pair(`short-${next}-${size}`, shortPacket(6, next, size), shortPacket(4, next, size));
  }
  yield pair('others', arpFrame(2), icmpEchoFrame('reply', { family: 6 }));
}

/** A step of the coalesce target: flow, payload, TCP flags, where to change a byte, options, TOS, cut, change. */
function step(
  flow: number,
  payload: number,
  { flags = 0, at = 0, options = 0, change = 0 } = {},
): readonly number[] {
  return [flow, payload, flags === 0 ? 0 : flags | 0x80, at, options, 0, 0, change];
}

function* coalesceSeeds(): Generator<Seed> {
  const program = (name: string, capacity: number, steps: readonly (readonly number[])[]): Seed => ({
    target: 'coalesce',
    name,
    bytes: Uint8Array.from([capacity, ...steps.flat()]),
  });
  const run = (flow: number, count: number) => Array.from({ length: count }, () => step(flow, 100));
  for (let flow = 0; flow < 8; flow++) yield program(`flow-${flow}`, 63, [...run(flow, 5), step(flow, 40)]);
  yield program(
    'mixed',
    63,
    Array.from({ length: 40 }, (_, i) => step(i % 8, 60)),
  );
  yield program(
    'few-descriptors',
    1,
    Array.from({ length: 40 }, (_, i) => step(i % 3, 60)),
  );
  yield program('pushed', 63, [...run(0, 3), step(0, 100, { flags: 0x18 }), ...run(0, 3)]);
  yield program('more-than-64', 63, run(2, 70));
  yield program('damaged', 63, [...run(0, 2), step(0, 100, { at: 80, change: 1 }), ...run(0, 2)]);
  yield program('partial', 63, [...run(1, 2), step(1, 100, { options: 4 }), ...run(1, 2)]);
}

interface Message {
  readonly bytes: Uint8Array;
  readonly gro?: number;
  readonly kind?: number;
}

function* receiveSeeds(): Generator<Seed> {
  const receive = (name: string, messages: readonly Message[]): Seed => ({
    target: 'receive',
    name,
    bytes: concat(
      Uint8Array.of(63),
      ...messages.map(({ bytes, gro = 0, kind = 0 }) =>
        concat(u16(bytes.length), u16(gro), u16(0), Uint8Array.of(kind | (gro > 0 ? 4 : 0), 2, 7), bytes),
      ),
    ),
  });
  for (const [name, frame] of Object.entries(SUPER_FRAMES)) {
    if (frame.bytes.length > 1000) continue;
    const datagrams = referenceSegments(frame).map(segment => concat(VXLAN, segment));
    yield receive(
      name,
      datagrams.map(bytes => ({ bytes, kind: 8 })),
    );
    yield receive(`${name}-gro`, [{ bytes: concat(...datagrams), gro: datagrams[0]?.length ?? 0 }]);
    yield receive(`${name}-whole`, [{ bytes: concat(VXLAN, frame.bytes), gro: frame.gsoSize }]);
  }
  yield receive(
    'short',
    [0, 1, 7, 8, 9, 22].map(size => ({ bytes: concat(VXLAN, arpFrame(1)).subarray(0, size) })),
  );
  yield receive('odd', [
    { bytes: concat(VXLAN, arpFrame(1)), kind: 1 },
    { bytes: concat(VXLAN, udpFrame({ family: 6 })), kind: 2 | 8 },
    { bytes: concat(VXLAN, udpFrame()), kind: 16 },
  ]);
}

function tapSeed(name: string, frames: readonly Offered[], rest: Uint8Array, mode = 0): Seed {
  const read = frames.map(frame => concat(u16(frame.bytes.length + 12), vnet(frame), concat(frame.bytes)));
  return { target: 'tap', name, bytes: concat(Uint8Array.of(mode, frames.length), ...read, rest) };
}

/** The head of `frame` lies in slot 0 of the target, and the rest of its payload `at` somewhere else. */
function inPieces(frame: SuperFrame): Uint8Array {
  const batch = new FrameBatch(1);
  const head = frame.headerLength + frame.gsoSize;
  const pieces = Math.ceil((frame.bytes.length - head) / frame.gsoSize);
  batch.setOffset(0, 66);
  batch.setLength(0, frame.bytes.length);
  batch.setFlags(0, FLAG_NEEDS_CSUM);
  batch.setGsoType(0, frame.gsoType);
  batch.setGsoSize(0, frame.gsoSize);
  batch.setHeaderLength(0, frame.headerLength);
  batch.setCsumStart(0, frame.csumStart);
  batch.setCsumOffset(0, offered(frame).csumOffset);
  const descriptor = new Uint8Array(batch.memory, 0, FRAME_SIZE).slice();
  descriptor[46] = pieces;
  const table = Array.from({ length: pieces }, (_, i) => {
    const length = Math.min(frame.gsoSize, frame.bytes.length - head - i * frame.gsoSize);
    return concat(u16(600 + i * frame.gsoSize), u16(0), u16(length), u16(0));
  });
  return concat(descriptor, ...table);
}

function* tapSeeds(): Generator<Seed> {
  const small = Object.entries(OFFERED).filter(([, { bytes }]) => bytes.length < 500);
  for (const [name, frame] of small) yield tapSeed(name, [frame], new Uint8Array(0));
  const [tcp4, tcp6, udp4] = ['tcp4', 'tcp6', 'udp4'].map(name => SUPER_FRAMES[name] as SuperFrame);
  if (tcp4 === undefined || tcp6 === undefined || udp4 === undefined) throw new Error('no such super-frame');
  for (const [name, frame] of Object.entries({ tcp4, tcp6, udp4 })) {
    yield tapSeed(`${name}-pieces`, [offered(frame)], inPieces(frame));
    yield tapSeed(`${name}-refused`, [offered(frame)], inPieces(frame), 3);
  }
}

function* sendSeeds(): Generator<Seed> {
  const send = (name: string, frames: readonly Offered[], options: readonly number[] = [127, 0]): Seed => ({
    target: 'send',
    name,
    bytes: concat(
      Uint8Array.from(options),
      Uint8Array.from({ length: 16 }, (_, i) => (options[1] === 0 ? 0 : i)),
      ...frames.map((frame, i) =>
        concat(u16(frame.bytes.length), Uint8Array.of(i & 1, i & 3), vnet(frame), concat(frame.bytes)),
      ),
    ),
  });
  const small = Object.entries(OFFERED).filter(([, { bytes }]) => bytes.length < 500);
  for (const [name, frame] of small) yield send(name, [frame, frame]);
  const all = small.map(([, frame]) => frame).slice(0, 8);
  yield send('all', all);
  yield send('all-ipv6-no-gso', all, [127, 3]);
  yield send('all-errors', all, [7, 4]);
}

/** The outer family and what the injector answers, before what a TAP hands over. */
function* tunnelSeeds(): Generator<Seed> {
  for (const [name, frame] of Object.entries(OFFERED)) {
    for (const choice of [0, 1]) {
      const bytes = concat(Uint8Array.of(choice), offeredSeed(frame));
      yield { target: 'tunnel', name: `${name}-over-${choice === 0 ? 'ipv4' : 'ipv6'}`, bytes };
    }
  }
}

/** All seeds of all targets; the same each time. */
export function fuzzSeeds(): readonly Seed[] {
  return [
    ...offeredSeeds(),
    ...packetSeeds(),
    ...coalesceSeeds(),
    ...receiveSeeds(),
    ...tapSeeds(),
    ...sendSeeds(),
    ...tunnelSeeds(),
  ];
}
