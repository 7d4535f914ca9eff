import test from 'ava';
import fc from 'fast-check';
import { parseIp } from './address.ts';
import { flowHash } from './flow-hash.ts';
import {
  arpFrame,
  type Bytes,
  concat,
  ethernetFrame,
  icmpEchoFrame,
  ipPacket,
  pattern,
  STATION_A,
  STATION_B,
  station,
  type TransportOptions,
  tcpFrame,
  udpFrame,
  viewOf,
} from './testing/frames.ts';

const SEED = 0x5eed;

function hash(frame: Bytes, seed = SEED): number {
  return flowHash(viewOf(frame), 0, frame.length, seed);
}

/** Pearson's statistic of how `values` fall into `buckets` equal ones. */
function chiSquare(values: readonly number[], buckets: number): number {
  const counts = new Array<number>(buckets).fill(0);
  for (const value of values) counts[value % buckets] = (counts[value % buckets] ?? 0) + 1;
  const expected = values.length / buckets;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

test('flowHash() is 0 … 2^31-1 for any bytes', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer(), (bytes, seed) => {
      const value = hash(concat(bytes), seed);
      return Number.isInteger(value) && value >= 0 && value < 2 ** 31;
    }),
    { seed: 1 },
  );
  t.pass();
});

test('flowHash() does not change within a flow: payload, length, TOS, TTL, flags and tags do not count', t => {
  for (const family of [4, 6] as const) {
    const first = hash(tcpFrame({ family }));
    t.is(hash(tcpFrame({ family, payload: pattern(1000, 9) })), first);
    t.is(hash(tcpFrame({ family, tos: 0xff, ttl: 3 })), first);
    t.is(hash(tcpFrame({ family, flags: 2 })), first);
    t.is(hash(tcpFrame({ family, tags: [{ id: 9 }] })), first);
    t.is(hash(concat(tcpFrame({ family }), pattern(10))), first, 'Ethernet padding');
  }
});

test('flowHash() tells flows apart by each address, each port, protocol and seed', t => {
  const changes: TransportOptions[] = [
    {},
    { from: station(9) },
    { to: station(9) },
    { sourcePort: 40_001 },
    { destinationPort: 5001 },
    { sourcePort: 5000, destinationPort: 40_000 },
  ];
  for (const family of [4, 6] as const) {
    const hashes = changes.map(change => hash(udpFrame({ ...change, family })));
    hashes.push(hash(tcpFrame({ family })), hash(udpFrame({ family }), SEED + 1));
    t.is(new Set(hashes).size, hashes.length);
  }
});

test('flowHash(): every part of a fragmented IPv4 datagram goes with the others, whatever it holds', t => {
  const parts = [0x2000, 0x2010, 0x0020].map((flagsFragment, i) =>
    hash(udpFrame({ flagsFragment, sourcePort: 1000 + i, payload: pattern(100, i) })),
  );
  t.is(new Set(parts).size, 1);
  t.not(parts[0], hash(udpFrame({ flagsFragment: 0x2000, to: station(9) })));
});

test('flowHash(): every part of a fragmented IPv6 packet goes with the others; an atomic fragment has ports', t => {
  const part = (field: number, sourcePort: number) => {
    const bytes = Uint8Array.of(0, 0, field >> 8, field & 0xff, 0, 0, 0, 7);
    return hash(udpFrame({ family: 6, sourcePort, extensions: [{ type: 44, bytes }] }));
  };
  t.is(part(0x0001, 1), part(0x0008, 2));
  t.not(part(0x0000, 1), part(0x0000, 2));
  t.is(part(0x0000, 40_000), hash(udpFrame({ family: 6 })));
});

test('flowHash() counts SCTP ports, and no ports for other protocols', t => {
  const packet = (protocol: number, payload: Bytes) =>
    hash(ethernetFrame(0x0800, ipPacket(STATION_A.ipv4, STATION_B.ipv4, protocol, payload)));
  t.not(packet(132, pattern(20, 1)), packet(132, pattern(20, 2)));
  t.is(packet(47, pattern(20, 1)), packet(47, pattern(20, 2)));
  t.is(packet(17, pattern(3, 1)), packet(17, pattern(3, 2)), 'too short for ports');
  const short = ethernetFrame(0x0800, ipPacket(STATION_A.ipv4, STATION_B.ipv4, 17, pattern(3)));
  t.is(hash(concat(short, pattern(20, 1))), hash(concat(short, pattern(20, 2))), 'padding is no port');
  t.is(hash(icmpEchoFrame('request', { sequence: 1 })), hash(icmpEchoFrame('request', { sequence: 2 })));
});

test('flowHash() of other frames counts MAC addresses and EtherType only', t => {
  t.is(hash(arpFrame(1)), hash(arpFrame(1, { to: station(9) })));
  t.not(hash(arpFrame(1)), hash(arpFrame(1, { from: station(9) })));
  t.not(hash(ethernetFrame(0x88b5, pattern(46))), hash(ethernetFrame(0x88b6, pattern(46))));
  t.is(hash(ethernetFrame(0x88b5, pattern(46))), hash(ethernetFrame(0x88b5, pattern(46, 9))));
});

// 15 degrees of freedom: a fair hash exceeds 37.7 once in a thousand seeds. The seed is fixed, so the test is too.
const CHI_SQUARE_15 = 37.7;

test('flowHash() spreads 10^4 flows evenly over 16 buckets, however regular they are', t => {
  const ports = Array.from({ length: 10_000 }, (_, i) =>
    hash(tcpFrame({ sourcePort: 32_768 + i, payload: pattern(0) })),
  );
  const evenPorts = Array.from({ length: 10_000 }, (_, i) =>
    hash(udpFrame({ family: 6, sourcePort: 20_000 + 2 * i })),
  );
  const hosts = Array.from({ length: 10_000 }, (_, i) => {
    const address = parseIp(`10.32.${i >> 8}.${i & 0xff}`);
    return hash(icmpEchoFrame('request', { to: { ...STATION_B, ipv4: address }, payload: pattern(0) }));
  });
  const macs = Array.from({ length: 10_000 }, (_, i) =>
    hash(arpFrame(1, { from: { ...STATION_A, mac: (STATION_A.mac + i) as typeof STATION_A.mac } })),
  );
  for (const [title, values] of Object.entries({ ports, evenPorts, hosts, macs })) {
    const statistic = chiSquare(values, 16);
    t.true(statistic < CHI_SQUARE_15, `${title}: ${statistic}`);
  }
});

test('flowHash(): the seed alone moves flows to other buckets', t => {
  const frame = udpFrame();
  const values = Array.from({ length: 10_000 }, (_, seed) => hash(frame, seed));
  t.true(chiSquare(values, 16) < CHI_SQUARE_15);
});
