import test from 'ava';
import fc from 'fast-check';
import { type IpAddress, parseIp } from './address.ts';
import { addressWords } from './address-index.ts';
import { type NeighborKind, NeighborMessage } from './neighbor-message.ts';
import {
  arpFrame,
  type Bytes,
  concat,
  icmpEchoFrame,
  neighborAdvertisementFrame,
  neighborSolicitationFrame,
  station,
  udpFrame,
  viewOf,
} from './testing/frames.ts';
import {
  arpAnnouncement,
  arpProbe,
  inNameOf,
  ndAnnouncement,
  ndChecked,
  ndProbe,
} from './testing/neighbor-frames.ts';

const [A, B, C] = [station(1), station(2), station(3)];
const REQUEST = arpFrame(1, { from: A, to: B });
const SOLICITATION = neighborSolicitationFrame({ from: A, to: B });
const [ARP, IP, ICMP] = [14, 14, 54];

function edited(frame: Bytes, at: number, ...values: readonly number[]): Bytes {
  const copy = concat(frame);
  copy.set(values, at);
  return copy;
}

function read(frame: Uint8Array): NeighborMessage {
  const message = new NeighborMessage();
  message.read(viewOf(concat(frame)), 0, frame.length);
  return message;
}

const meanings: readonly (readonly [string, Bytes, NeighborKind, IpAddress, boolean?])[] = [
  ['an ARP request', REQUEST, 'request', B.ipv4],
  ['one padded to 60 bytes', concat(REQUEST, new Uint8Array(18)), 'request', B.ipv4],
  ['one in the name of another', inNameOf(REQUEST, C.mac), 'request', B.ipv4, false],
  ['an ARP probe', arpProbe(A, B), 'probe', B.ipv4],
  ['an ARP announcement', arpAnnouncement(A), 'announcement', A.ipv4],
  ['a gratuitous reply', arpAnnouncement(A, 2), 'announcement', A.ipv4],
  ['a reply to everybody', arpFrame(2, { from: A, to: B }), 'announcement', A.ipv4],
  ['a solicitation', SOLICITATION, 'request', B.ipv6],
  ['one in the name of another', inNameOf(SOLICITATION, C.mac), 'request', B.ipv6, false],
  [
    'one behind a hop-by-hop header',
    neighborSolicitationFrame({
      from: A,
      to: B,
      extensions: [{ type: 0, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) }],
    }),
    'request',
    B.ipv6,
  ],
  ['a solicitation from ::', ndProbe(A, B), 'probe', B.ipv6],
  ['an unsolicited advertisement', ndAnnouncement(A), 'announcement', A.ipv6],
];

for (const [title, frame, kind, address, isFromSource = true] of meanings) {
  test(`${title} (${isFromSource}): ${kind} of ${address}`, t => {
    const message = read(frame);
    t.is(message.kind, kind);
    t.is(message.family, address.includes(':') ? 6 : 4);
    t.deepEqual([message.a, message.b, message.c, message.d], [...addressWords(address)]);
    t.is(message.isFromSource, isFromSource);
  });
}

const others: readonly (readonly [string, Uint8Array, NeighborKind])[] = [
  ['UDP', udpFrame(), 'none'],
  ['UDP over IPv6', udpFrame({ family: 6 }), 'none'],
  ['an echo request', icmpEchoFrame('request', { family: 6 }), 'none'],
  ['nothing', new Uint8Array(0), 'none'],
  ['an Ethernet header of ARP alone', REQUEST.subarray(0, 14), 'malformed_arp'],
  ['27 bytes of ARP', REQUEST.subarray(0, 41), 'malformed_arp'],
  ['hardware type 6', edited(REQUEST, ARP, 0, 6), 'malformed_arp'],
  ['protocol type IPv6', edited(REQUEST, ARP + 2, 0x86, 0xdd), 'malformed_arp'],
  ...[0, 5, 7, 255].map(
    size => [`hardware length ${size}`, edited(REQUEST, ARP + 4, size), 'malformed_arp'] as const,
  ),
  ...[0, 5, 16, 255].map(
    size => [`protocol length ${size}`, edited(REQUEST, ARP + 5, size), 'malformed_arp'] as const,
  ),
  ...[0, 3, 8, 0xffff].map(
    op => [`operation ${op}`, edited(REQUEST, ARP + 6, op >> 8, op & 0xff), 'malformed_arp'] as const,
  ),
  ['a sender that is all zeroes', edited(REQUEST, ARP + 8, 0, 0, 0, 0, 0, 0), 'malformed_arp'],
  ['a sender that is a group', edited(REQUEST, ARP + 8, 1), 'malformed_arp'],
  ['a reply from 0.0.0.0', arpAnnouncement({ ...A, ipv4: parseIp('0.0.0.0') }, 2), 'malformed_arp'],
  ['an IPv6 header alone', SOLICITATION.subarray(0, ICMP), 'none'],
  ['one byte of solicitation', SOLICITATION.subarray(0, ICMP + 1), 'malformed_nd'],
  ['23 bytes of solicitation', SOLICITATION.subarray(0, ICMP + 23), 'malformed_nd'],
  ['IP version 4', edited(SOLICITATION, IP, 0x40), 'malformed_nd'],
  ['hop limit 254', edited(SOLICITATION, IP + 7, 254), 'malformed_nd'],
  ['code 1', ndChecked(edited(SOLICITATION, ICMP + 1, 1)), 'malformed_nd'],
  ['a wrong checksum', edited(SOLICITATION, ICMP + 2, 1, 2), 'malformed_nd'],
  ['a multicast target', ndChecked(edited(SOLICITATION, ICMP + 8, 0xff)), 'malformed_nd'],
  ['an option of length 0', ndChecked(edited(SOLICITATION, ICMP + 25, 0)), 'malformed_nd'],
  ['an option past the end', ndChecked(edited(SOLICITATION, ICMP + 25, 2)), 'malformed_nd'],
  [
    'a probe with a link-layer address',
    neighborSolicitationFrame({ from: { ...A, ipv6: parseIp('::') }, to: B }),
    'malformed_nd',
  ],
  [
    'a probe to all nodes',
    ndChecked(edited(ndProbe(A, B), IP + 24, ...new Array<number>(12).fill(0xff))),
    'malformed_nd',
  ],
  [
    'an advertisement to a group that says it was solicited',
    ndChecked(edited(ndAnnouncement(A), ICMP + 4, 0x60)),
    'malformed_nd',
  ],
  // RFC 6980: ND must not be fragmented. Hosts drop it; it is never answered.
  [
    'a fragment of a solicitation',
    neighborSolicitationFrame({
      from: A,
      to: B,
      extensions: [{ type: 44, bytes: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 9) }],
    }),
    'none',
  ],
  ['a router solicitation', ndChecked(edited(SOLICITATION, ICMP, 133)), 'none'],
  ['a router advertisement', ndChecked(edited(neighborAdvertisementFrame(), ICMP, 134)), 'none'],
  ['a redirect', ndChecked(edited(neighborAdvertisementFrame(), ICMP, 137)), 'none'],
];

for (const [title, frame, kind] of others) test(`${title}: ${kind}`, t => t.is(read(frame).kind, kind));

const GOOD = [...meanings, ...others].map(([, frame]) => frame);

const anyFrame = fc
  .tuple(fc.constantFrom(...GOOD), fc.nat(90), fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }))
  .map(([good, cut, damage]) => {
    const bytes = concat(good.subarray(0, Math.max(0, good.length - (cut > 45 ? 0 : cut))));
    for (const [at, value] of damage) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });

test('read(): reads nothing outside the frame, and what stands around it changes nothing', t => {
  fc.assert(
    fc.property(anyFrame, fc.nat(99), fc.nat(255), (bytes, before, filler) => {
      // A view of exactly the frame throws on any read outside.
      const alone = read(bytes);
      const message = new NeighborMessage();
      const arena = concat(new Uint8Array(before).fill(filler), bytes, new Uint8Array(64).fill(filler));
      message.read(viewOf(arena), before, bytes.length);
      return message.kind === alone.kind && (message.kind === 'none' || message.a === alone.a);
    }),
    { seed: 9161, numRuns: 20_000 },
  );
  t.pass();
});
