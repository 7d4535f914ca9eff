/** segment.c against the plain reference of testing/reference-segments.ts, and against sums of its own. */
import { constants } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { FrameBatch, GSO_ECN } from '../frame-batch.ts';
import { pattern } from '../testing/frames.ts';
import { referenceSegments, type SuperFrame } from '../testing/reference-segments.ts';
import { describeSuperFrame, type SuperFrameOptions, superFrame } from '../testing/super-frames.ts';
import { batchIo } from './batch-io.ts';
import { referenceSum } from './testing/packets.ts';

const { EINVAL } = constants.errno;

/** Stands for the VXLAN header. */
const ENCAP = Uint8Array.of(8, 0, 0, 0, 0, 0, 42, 0);

/** The segments that the addon makes, without the encapsulation, which is asserted. */
function segments(t: ExecutionContext, frame: SuperFrame): Buffer[] {
  // The arena ends with the frame, so that a sanitizer sees one byte too far.
  const arena = Buffer.concat([ENCAP, frame.bytes]);
  const before = Buffer.from(arena);
  const memory = new ArrayBuffer(arena.length);
  new Uint8Array(memory).set(arena);
  const count = Math.ceil((frame.bytes.length - frame.headerLength) / frame.gsoSize);
  const out = new ArrayBuffer(frame.bytes.length + count * (ENCAP.length + frame.headerLength));
  const written = batchIo.segmentFrame(memory, describe(frame).memory, out);
  t.deepEqual(Buffer.from(memory), before, 'the super-frame is left as it is');
  const each = ENCAP.length + frame.headerLength + frame.gsoSize;
  return Array.from({ length: Math.ceil(written / each) }, (_, i) => {
    const datagram = Buffer.from(out, i * each, Math.min(each, written - i * each));
    t.deepEqual(datagram.subarray(0, ENCAP.length), Buffer.from(ENCAP));
    return datagram.subarray(ENCAP.length);
  });
}

function describe(frame: SuperFrame): FrameBatch {
  const batch = new FrameBatch(1);
  batch.setOffset(0, ENCAP.length);
  batch.setLength(0, frame.bytes.length);
  batch.setEncapLength(0, ENCAP.length);
  describeSuperFrame(batch, 0, frame);
  return batch;
}

/** The transport checksum, summed with nothing of ours: a right one makes the sum ffff. */
function sumOfTransport(segment: Buffer, csumStart: number, protocol: number): number {
  const addresses = segment[14] === 0x60 ? segment.subarray(22, 54) : segment.subarray(26, 34);
  return referenceSum(
    segment.subarray(csumStart),
    referenceSum(addresses) + protocol + segment.length - csumStart,
  );
}

const timestamps = Uint8Array.of(1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88);
const routerAlert = Uint8Array.of(148, 4, 0, 0);
const hopByHop = { type: 0, bytes: Uint8Array.of(0, 0, 5, 2, 0, 0, 1, 0) };
const destinationOptions = {
  type: 60,
  bytes: Uint8Array.of(0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
};

const cases: readonly [string, SuperFrameOptions][] = [
  ['TCP over IPv4', { protocol: 'tcp', payload: pattern(4000), gsoSize: 1000 }],
  ['TCP over IPv4, odd sizes', { protocol: 'tcp', payload: pattern(4001), gsoSize: 999 }],
  ['a last segment of one byte', { protocol: 'tcp', payload: pattern(2001), gsoSize: 1000 }],
  ['less than one segment', { protocol: 'tcp', payload: pattern(7), gsoSize: 1000 }],
  ['exactly one segment', { protocol: 'tcp', payload: pattern(1000), gsoSize: 1000 }],
  ['TCP options', { protocol: 'tcp', payload: pattern(3001), gsoSize: 1388, tcpOptions: timestamps }],
  ['40 bytes of TCP options', { protocol: 'tcp', payload: pattern(99), gsoSize: 8, tcpOptions: pattern(40) }],
  ['IPv4 options', { protocol: 'tcp', payload: pattern(3001), gsoSize: 700, ipv4Options: routerAlert }],
  ['TCP over IPv6', { protocol: 'tcp', family: 6, payload: pattern(4000), gsoSize: 1001 }],
  [
    'TCP over IPv6 with extension headers',
    {
      protocol: 'tcp',
      family: 6,
      payload: pattern(4000),
      gsoSize: 1001,
      extensions: [hopByHop, destinationOptions],
    },
  ],
  ['UDP over IPv4', { protocol: 'udp', payload: pattern(4001), gsoSize: 1000 }],
  ['UDP over IPv4, one byte each', { protocol: 'udp', payload: pattern(128), gsoSize: 1 }],
  ['UDP over IPv6', { protocol: 'udp', family: 6, payload: pattern(4001), gsoSize: 1333 }],
  [
    'UDP over IPv6 with an extension header',
    { protocol: 'udp', family: 6, payload: pattern(2000), gsoSize: 1000, extensions: [hopByHop] },
  ],
  ['64 KiB', { protocol: 'tcp', payload: pattern(65_535 - 40), gsoSize: 1398 }],
];

for (const [name, options] of cases) {
  test(`segmentFrame: ${name}: as the reference cuts it, with right checksums`, t => {
    const frame = superFrame(options);
    const cut = segments(t, frame);
    t.deepEqual(
      cut.map(segment => segment.toString('hex')),
      referenceSegments(frame).map(segment => Buffer.from(segment).toString('hex')),
    );
    t.deepEqual(
      Buffer.concat(cut.map(segment => segment.subarray(frame.headerLength))),
      Buffer.from(options.payload),
    );
    for (const segment of cut) {
      t.is(sumOfTransport(segment, frame.csumStart, options.protocol === 'tcp' ? 6 : 17), 0xffff);
      if (options.family === 6) continue;
      t.is(referenceSum(segment.subarray(14, 14 + ((segment[14] ?? 0) & 15) * 4)), 0xffff);
    }
  });
}

test('segmentFrame: sequence numbers and IPv4 identifications wrap; lengths are those of the segment', t => {
  const frame = superFrame({
    protocol: 'tcp',
    payload: pattern(2500),
    gsoSize: 1000,
    sequence: 0xffff_fc17,
    identification: 0xffff,
  });
  const cut = segments(t, frame);
  t.deepEqual(
    cut.map(segment => segment.readUInt32BE(frame.csumStart + 4)),
    [0xffff_fc17, 0xffff_ffff, 999],
  );
  t.deepEqual(
    cut.map(segment => segment.readUInt16BE(18)),
    [0xffff, 0, 1],
  );
  t.deepEqual(
    cut.map(segment => segment.readUInt16BE(16)),
    [1040, 1040, 540],
  );
});

test('segmentFrame: FIN and PSH only on the last, CWR only on the first, the other flags on all', t => {
  const frame = superFrame({ protocol: 'tcp', payload: pattern(3000), gsoSize: 1000, flags: 0xff });
  for (const gsoType of [frame.gsoType, frame.gsoType | GSO_ECN]) {
    t.deepEqual(
      segments(t, { ...frame, gsoType }).map(segment => segment[frame.csumStart + 13]),
      [0xf6, 0x76, 0x7f],
    );
  }
  const single = superFrame({ protocol: 'tcp', payload: pattern(300), gsoSize: 1000, flags: 0xff });
  t.is(segments(t, single)[0]?.[single.csumStart + 13], 0xff, 'the only one is first and last');
});

test('segmentFrame: the checksum is made from the pseudo header’s sum in the frame, not from the addresses', t => {
  const frame = superFrame({ protocol: 'tcp', family: 6, payload: pattern(2000), gsoSize: 1000 });
  // As with a routing header: the sum is over the final destination, which the IPv6 header does not name.
  const field = frame.csumStart + 16;
  const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset);
  view.setUint16(field, referenceSum(Uint8Array.of(0x12, 0x34), view.getUint16(field)));
  for (const segment of segments(t, frame)) {
    const sum = sumOfTransport(segment, frame.csumStart, 6);
    t.is(referenceSum(Uint8Array.of(0x12, 0x34), sum), 0xffff);
  }
});

test('segmentFrame: a checksum that computes to zero is stored as ffff', t => {
  const probe = superFrame({ protocol: 'udp', payload: new Uint8Array(20), gsoSize: 10 });
  const zero = segments(t, probe)[0]?.readUInt16BE(probe.csumStart + 6) ?? 0;
  const payload = Buffer.alloc(20);
  payload.writeUInt16BE(zero, 0);
  const frame = superFrame({ protocol: 'udp', payload, gsoSize: 10 });
  t.is(segments(t, frame)[0]?.readUInt16BE(frame.csumStart + 6), 0xffff);
});

test('segmentFrame: VLAN tags before the packet are copied', t => {
  const plain = superFrame({ protocol: 'tcp', payload: pattern(2500), gsoSize: 1000 });
  const tags = Buffer.from('88a800078100000a', 'hex');
  const [macs, rest] = [plain.bytes.subarray(0, 12), plain.bytes.subarray(12)];
  const tagged = {
    ...plain,
    bytes: Buffer.concat([macs, tags, rest]),
    headerLength: plain.headerLength + tags.length,
    csumStart: plain.csumStart + tags.length,
  };
  t.deepEqual(
    segments(t, tagged),
    segments(t, plain).map(segment => Buffer.concat([segment.subarray(0, 12), tags, segment.subarray(12)])),
  );
});

test('segmentFrame: refuses what is no super-frame, and too little room', t => {
  const frame = superFrame({ protocol: 'tcp', payload: pattern(2000), gsoSize: 1000 });
  const memory = new Uint8Array([...ENCAP, ...frame.bytes]).buffer;
  const room = new ArrayBuffer(2 * (ENCAP.length + frame.headerLength) + 2000);
  const batch = describe(frame);
  t.is(batchIo.segmentFrame(memory, batch.memory, room), room.byteLength);
  t.is(batchIo.segmentFrame(memory, batch.memory, room.slice(1)), -constants.errno.ENOBUFS);
  batch.setGsoType(0, 0);
  t.is(batchIo.segmentFrame(memory, batch.memory, room), -EINVAL);
  batch.setGsoType(0, frame.gsoType);
  batch.setFlags(0, 0);
  t.is(batchIo.segmentFrame(memory, batch.memory, room), -EINVAL);
});

const bytes = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength });
const words = (most: number) =>
  fc.nat({ max: most }).chain(count => fc.uint8Array({ minLength: 4 * count, maxLength: 4 * count }));

test('segmentFrame: any super-frame is cut as the reference cuts it', t => {
  const arbitrary = fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    family: fc.constantFrom(4 as const, 6 as const),
    payload: bytes(1000),
    gsoSize: fc.integer({ min: 8, max: 600 }),
    flags: fc.nat({ max: 255 }),
    sequence: fc.nat({ max: 0xffff_ffff }),
    identification: fc.nat({ max: 0xffff }),
    tos: fc.nat({ max: 255 }),
    tcpOptions: words(10),
    ipv4Options: words(10),
    extensions: fc.constantFrom([], [hopByHop], [hopByHop, destinationOptions]),
  });
  fc.assert(
    fc.property(arbitrary, options => {
      const frame = superFrame(options);
      t.deepEqual(
        segments(t, frame).map(segment => segment.toString('hex')),
        referenceSegments(frame).map(segment => Buffer.from(segment).toString('hex')),
      );
    }),
    { numRuns: 500, seed: 20_261_123 },
  );
});
