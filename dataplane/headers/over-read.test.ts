import test from 'ava';
import fc from 'fast-check';
import type { MacAddress } from '../address.ts';
import { applyDecapsulation, outerTosOfFrame } from '../ecn.ts';
import { flowHash } from '../flow-hash.ts';
import {
  arpFrame,
  type Bytes,
  concat,
  ethernetFrame,
  icmpEchoFrame,
  ipPacket,
  neighborAdvertisementFrame,
  neighborSolicitationFrame,
  pattern,
  STATION_A,
  STATION_B,
  tcpFrame,
  udpFrame,
  viewOf,
  vxlanFrame,
} from '../testing/frames.ts';
import {
  isValidArp,
  readArpOperation,
  readArpSenderIp,
  readArpSenderMac,
  readArpTargetIp,
  readArpTargetMac,
} from './arp.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethernetHeaderLength,
  isValidEthernet,
  readDestinationMac,
  readEtherType,
  readPayloadType,
  readSourceMac,
} from './ethernet.ts';
import {
  isIpv4Fragment,
  isValidIpv4,
  readIpv4Destination,
  readIpv4HeaderLength,
  readIpv4Tos,
} from './ipv4.ts';
import {
  findIpv6Transport,
  isValidIpv6,
  NO_TRANSPORT,
  readIpv6DestinationWord,
  transportOffset,
} from './ipv6.ts';
import {
  isValidNeighborAdvertisement,
  isValidNeighborSolicitation,
  ND_OPTION_SOURCE_LINK_LAYER,
  ND_OPTION_TARGET_LINK_LAYER,
  readNdLinkLayer,
} from './nd.ts';
import { isValidTcp, readTcpChecksum, readTcpHeaderLength } from './tcp.ts';
import { isValidUdp, readUdpChecksum } from './udp.ts';
import { isValidVxlan, readVni } from './vxlan.ts';

const SEED = 7348;
const RUNS = 3000;

/** Good frames of each kind, to be cut and damaged: random bytes alone seldom get past the first check. */
const GOOD: readonly Bytes[] = [
  arpFrame(1),
  // Packets that end before the ports of their transport header, or before the extension header they announce.
  ethernetFrame(ETHERTYPE_IPV4, ipPacket(STATION_A.ipv4, STATION_B.ipv4, 17, pattern(2))),
  ethernetFrame(ETHERTYPE_IPV6, ipPacket(STATION_A.ipv6, STATION_B.ipv6, 6, pattern(3))),
  ethernetFrame(ETHERTYPE_IPV6, ipPacket(STATION_A.ipv6, STATION_B.ipv6, 60, pattern(0))),
  udpFrame(),
  udpFrame({ family: 6 }),
  udpFrame({ tags: [{ id: 7 }] }),
  udpFrame({
    family: 6,
    extensions: [
      { type: 0, bytes: new Uint8Array(8) },
      { type: 44, bytes: new Uint8Array(8) },
      { type: 51, bytes: Uint8Array.of(0, 4, ...new Array<number>(22).fill(0)) },
    ],
  }),
  tcpFrame(),
  tcpFrame({ family: 6, tags: [{ id: 7, etherType: 0x88a8 }, { id: 8 }] }),
  icmpEchoFrame('request'),
  neighborSolicitationFrame(),
  neighborAdvertisementFrame(),
  vxlanFrame(42 as never, udpFrame()),
];

/** Random bytes, or a good frame that is cut short and damaged in up to four places. */
const anyFrame: fc.Arbitrary<Bytes> = fc.oneof(
  fc.uint8Array({ maxLength: 120 }).map(bytes => concat(bytes)),
  fc
    .tuple(
      fc.constantFrom(...GOOD),
      fc.nat(140),
      fc.array(fc.tuple(fc.nat(140), fc.nat(255)), { maxLength: 4 }),
    )
    .map(([good, cut, damage]) => {
      const bytes = concat(good.subarray(0, Math.max(0, good.length - (cut > 70 ? 0 : cut))));
      for (const [at, value] of damage) if (at < bytes.length) bytes[at] = value;
      return bytes;
    }),
);

/** Reads through every validity check and every getter that the check permits. A read behind the end throws. */
function readEverything(view: DataView, at: number, length: number): number {
  let sum = flowHash(view, at, length, 1) + outerTosOfFrame(view, at, length);
  if (isValidVxlan(view, at, length)) sum += readVni(view, at);
  if (!isValidEthernet(view, at, length)) return sum;
  sum += readDestinationMac(view, at) + readSourceMac(view, at) + readEtherType(view, at);
  const header = ethernetHeaderLength(view, at, length);
  if (header === 0) return sum;
  sum += readPayloadType(view, at, header);
  const ip = at + header;
  const rest = length - header;
  if (isValidArp(view, ip, rest)) {
    sum += readArpOperation(view, ip) + readArpSenderIp(view, ip) + readArpTargetIp(view, ip);
    sum += readArpSenderMac(view, ip) + readArpTargetMac(view, ip);
  }
  if (isValidIpv4(view, ip, rest)) {
    sum += readIpv4Tos(view, ip) + readIpv4Destination(view, ip) + Number(isIpv4Fragment(view, ip));
    const transport = readIpv4HeaderLength(view, ip);
    sum += readTransport(view, ip + transport, rest - transport);
  }
  if (isValidIpv6(view, ip, rest)) {
    sum += readIpv6DestinationWord(view, ip, 3);
    const found = findIpv6Transport(view, ip, rest);
    if (found !== NO_TRANSPORT) {
      const transport = transportOffset(found);
      sum += readTransport(view, ip + transport, rest - transport);
      sum += Number(isValidNeighborSolicitation(view, ip, ip + transport, rest - transport));
      sum += Number(isValidNeighborAdvertisement(view, ip, ip + transport, rest - transport));
      for (const option of [ND_OPTION_SOURCE_LINK_LAYER, ND_OPTION_TARGET_LINK_LAYER]) {
        sum += readNdLinkLayer(view, ip + transport, rest - transport, option) ?? (0 as MacAddress);
      }
    }
  }
  return sum;
}

function readTransport(view: DataView, at: number, length: number): number {
  let sum = 0;
  if (isValidUdp(view, at, length)) sum += readUdpChecksum(view, at);
  if (isValidTcp(view, at, length)) sum += readTcpChecksum(view, at) + readTcpHeaderLength(view, at);
  return sum;
}

test('headers: no check and no permitted getter reads outside the frame, whatever its bytes and length', t => {
  fc.assert(
    fc.property(anyFrame, bytes => Number.isFinite(readEverything(viewOf(bytes), 0, bytes.length))),
    { seed: SEED, numRuns: RUNS },
  );
  t.pass();
});

test('headers: what stands around a frame in the arena changes nothing', t => {
  fc.assert(
    fc.property(anyFrame, fc.nat(99), fc.nat(255), (bytes, before, filler) => {
      const arena = concat(new Uint8Array(before).fill(filler), bytes, new Uint8Array(64).fill(filler));
      const alone = readEverything(viewOf(bytes), 0, bytes.length);
      return readEverything(viewOf(arena), before, bytes.length) === alone;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  t.pass();
});

test('applyDecapsulation(): writes nothing outside the frame', t => {
  fc.assert(
    fc.property(anyFrame, fc.nat(99), fc.nat(255), (bytes, before, tos) => {
      const arena = concat(new Uint8Array(before).fill(0xa5), bytes, new Uint8Array(64).fill(0xa5));
      applyDecapsulation(viewOf(arena), before, bytes.length, tos);
      const outside = [...arena.subarray(0, before), ...arena.subarray(before + bytes.length)];
      return outside.every(byte => byte === 0xa5);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  t.pass();
});

test('headers: a good frame cut at every length is read without a throw', t => {
  for (const good of GOOD) {
    for (let length = 0; length <= good.length; length++) {
      t.notThrows(() => readEverything(viewOf(concat(good.subarray(0, length))), 0, length));
    }
  }
});
