import test from 'ava';
import fc from 'fast-check';
import { FLAG_NEEDS_CSUM, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../frame-batch.ts';
import { COALESCE_TCP, COALESCE_UDP } from './batch-io.ts';
import { referenceSum } from './testing/packets.ts';
import {
  ACK,
  coalesce,
  frameOf,
  type Outcome,
  PLAIN,
  PSH,
  resegment,
  type Segment,
} from './testing/segments.ts';

const FIN = 0x01;
const SYN = 0x02;
const RST = 0x04;
const URG = 0x20;
const ECE = 0x40;
const CWR = 0x80;
const DF = 0x4000;

const TCP4 = PLAIN;
const TCP6: Segment = { ...PLAIN, family: 6 };
const UDP4: Segment = { ...PLAIN, protocol: 'udp' };
const UDP6: Segment = { ...PLAIN, family: 6, protocol: 'udp' };
const KINDS = [
  ['TCP over IPv4', TCP4, GSO_TCPV4, 54],
  ['TCP over IPv6', TCP6, GSO_TCPV6, 74],
  ['UDP over IPv4', UDP4, GSO_UDP_L4, 42],
  ['UDP over IPv6', UDP6, GSO_UDP_L4, 62],
] as const;

function bytes(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (first + i * 7) % 256);
}

/** The segment that follows `segment` in its stream. */
function after(segment: Segment, changes: Partial<Segment> = {}): Segment {
  return {
    ...segment,
    sequence: (segment.sequence + segment.payload.length) >>> 0,
    identification: (segment.identification + 1) % 0x1_0000,
    payload: bytes(segment.payload.length, segment.identification),
    ...changes,
  };
}

function stream(first: Segment, count: number): Segment[] {
  const segments = [first];
  while (segments.length < count) segments.push(after(segments.at(-1) ?? first));
  return segments;
}

function flat(segments: readonly Segment[]): Outcome[] {
  return coalesce(segments).flat();
}

for (const [name, plain, gsoType, headers] of KINDS) {
  test(`coalesce() makes one super-frame of a run: ${name}`, t => {
    const segments = stream({ ...plain, payload: bytes(1000) }, 5);
    segments.push(after(segments.at(-1) ?? plain, { payload: bytes(10), flags: ACK | PSH }));
    const [outcome, ...others] = flat(segments);
    t.is(others.length, 0);
    if (outcome === undefined) return;
    t.like(outcome, { gsoType, gsoSize: 1000, headerLength: headers, flags: FLAG_NEEDS_CSUM, pieces: 5 });
    t.deepEqual(outcome.encapsulation, Buffer.from(plain.encapsulation));
    t.is(outcome.frame.length, headers + 5010);
    const payloads = Buffer.concat(segments.map(({ payload }) => payload));
    t.deepEqual(outcome.frame.subarray(headers), payloads);
    // The lengths say the whole, the header checksum is right, and the transport one holds the pseudo header's sum.
    if (plain.family === 4) {
      t.is(outcome.frame.readUInt16BE(16), headers + 5010 - 14);
      t.is(referenceSum(outcome.frame.subarray(14, 34)), 0xffff);
    } else {
      t.is(outcome.frame.readUInt16BE(18), headers + 5010 - 54);
    }
    const protocol = plain.protocol === 'tcp' ? 6 : 17;
    const addresses = plain.family === 4 ? outcome.frame.subarray(26, 34) : outcome.frame.subarray(22, 54);
    t.is(
      outcome.frame.readUInt16BE(outcome.csumStart + outcome.csumOffset),
      referenceSum(addresses, protocol + headers + 5010 - outcome.csumStart),
    );
    if (plain.protocol === 'udp') t.is(outcome.frame.readUInt16BE(headers - 4), 5018);
    else t.is(outcome.frame.readUInt8(headers - 20 + 13), ACK | PSH, 'PSH of the last');
    t.deepEqual(
      resegment(outcome).map(frame => frame.toString('hex')),
      segments.map(segment => frameOf(segment).toString('hex')),
    );
  });
}

const VLAN = 0x8100;

/** Of two segments that would merge, one is changed: [what, first, second, whether they still merge]. */
const rules: readonly [string, Segment, Partial<Segment>, Partial<Segment>, boolean][] = [
  ['nothing else', TCP4, {}, {}, true],
  ['nothing else', TCP6, {}, {}, true],
  ['nothing else', UDP4, {}, {}, true],
  ['nothing else', UDP6, {}, {}, true],

  ['another source address', TCP4, {}, { source: 3 }, false],
  ['another destination address', TCP6, {}, { destination: 3 }, false],
  ['another source port', TCP4, {}, { sourcePort: 40_001 }, false],
  ['another destination port', UDP4, {}, { destinationPort: 5002 }, false],
  ['another source MAC', TCP4, {}, { sourceMac: 0x0200_0000_0003 }, false],
  ['another destination MAC', UDP6, {}, { destinationMac: 0x0200_0000_0003 }, false],
  ['UDP behind TCP', TCP4, {}, { protocol: 'udp' }, false],
  ['another VNI', TCP4, {}, { encapsulation: Uint8Array.of(8, 0, 0, 0, 0, 0, 43, 0) }, false],
  [
    'other bits in the encapsulation',
    UDP4,
    {},
    { encapsulation: Uint8Array.of(0x88, 0, 0, 0, 0, 0, 42, 0) },
    false,
  ],
  ['another encapsulation length', TCP4, {}, { encapsulation: new Uint8Array(0) }, false],
  ['another VTEP', TCP4, {}, { vtep: 10 }, false],
  ['another outer source port', TCP4, {}, { vtepPort: 50_001 }, false],
  ['another outer TOS', TCP4, {}, { outerTos: 3 }, false],
  ['an outer TOS that is not 0', TCP4, { outerTos: 3 }, {}, true],

  ['another TOS', TCP4, {}, { tos: 2 }, false],
  ['another traffic class', TCP6, {}, { tos: 2 }, false],
  ['the same TOS, not 0', TCP4, { tos: 0xb9 }, {}, true],
  ['another TTL', UDP4, {}, { ttl: 63 }, false],
  ['another hop limit', UDP6, {}, { ttl: 63 }, false],
  ['another flow label', TCP6, {}, { flowLabel: 1 }, false],
  ['the same flow label', TCP6, { flowLabel: 0xabcde }, {}, true],
  ['DF on one only', TCP4, {}, { fragment: 0 }, false],
  ['the reserved bit on one only', TCP4, {}, { fragment: DF | 0x8000 }, false],
  ['DF and any identification', TCP4, {}, { identification: 7 }, true],
  ['no DF, the next identification', TCP4, { fragment: 0 }, {}, true],
  ['no DF, the next identification around 65535', UDP4, { fragment: 0, identification: 0xffff }, {}, true],
  ['no DF, the same identification', UDP4, { fragment: 0 }, { identification: 7 }, false],
  ['no DF, a later identification', TCP4, { fragment: 0 }, { identification: 9 }, false],
  ['more fragments', UDP4, { fragment: 0 }, { fragment: 0x2000 }, false],
  ['both the first fragment', UDP4, { fragment: 0x2000 }, {}, false],
  ['both a later fragment', TCP4, { fragment: 1 }, {}, false],
  ['IPv4 options', TCP4, { ipOptions: Uint8Array.of(1, 1, 1, 0) }, {}, false],
  [
    'an IPv6 extension header',
    TCP6,
    { extension: { type: 60, bytes: Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0) } },
    {},
    false,
  ],
  ['a wrong IPv4 checksum on the first', TCP4, { ipChecksum: 'wrong' }, { ipChecksum: 'right' }, false],
  ['a wrong IPv4 checksum on the second', TCP4, {}, { ipChecksum: 'wrong' }, false],
  ['padding on the first', TCP4, { padding: 6 }, { padding: 0 }, false],
  ['padding on the second', UDP6, {}, { padding: 6 }, false],
  ['a VLAN tag', TCP4, { etherType: VLAN }, {}, false],

  ['another acknowledgment', TCP4, {}, { acknowledgment: 78 }, false],
  ['another window', TCP4, {}, { window: 501 }, false],
  ['an urgent pointer', TCP4, {}, { urgent: 1 }, false],
  ['reserved bits', TCP4, { reserved: 1 }, {}, false],
  ['the same options', TCP4, { options: Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2) }, {}, true],
  ['options of full length', TCP6, { options: bytes(40) }, {}, true],
  [
    'other options',
    TCP4,
    { options: Uint8Array.of(1, 1, 1, 1) },
    { options: Uint8Array.of(1, 1, 1, 0) },
    false,
  ],
  ['longer options', TCP4, {}, { options: Uint8Array.of(1, 1, 1, 1) }, false],
  ['a gap in the sequence', TCP4, {}, { sequence: 1101 }, false],
  ['an overlap in the sequence', TCP6, {}, { sequence: 1099 }, false],
  ['the segment before it', TCP4, {}, { sequence: 900 }, false],
  ['the sequence around 2^32', TCP4, { sequence: 0xffff_ffff }, {}, true],
  ['PSH on the second', TCP4, {}, { flags: ACK | PSH }, true],
  ['PSH on the first', TCP4, { flags: ACK | PSH }, { flags: ACK }, false],
  ['ECE on both', TCP4, { flags: ACK | ECE }, {}, true],
  ['ECE on one', TCP4, {}, { flags: ACK | ECE }, false],
  ['CWR on the second', TCP4, {}, { flags: ACK | CWR }, false],
  ['CWR on both', TCP4, { flags: ACK | CWR }, {}, false],
  ['FIN on the second', TCP4, {}, { flags: ACK | FIN }, false],
  ['SYN on the first', TCP4, { flags: ACK | SYN }, { flags: ACK }, false],
  ['RST on the second', TCP6, {}, { flags: ACK | RST }, false],
  ['URG on both', TCP4, { flags: ACK | URG }, {}, false],
  ['no ACK on both', TCP4, { flags: 0 }, {}, false],

  ['a shorter second', TCP4, {}, { payload: bytes(99) }, true],
  ['a second of 1 byte', TCP4, {}, { payload: bytes(1) }, true],
  ['a longer second', TCP4, {}, { payload: bytes(101) }, false],
  ['a longer second', UDP4, {}, { payload: bytes(101) }, false],
  ['a second without payload', TCP4, {}, { payload: bytes(0) }, false],
  ['a second without payload', UDP4, {}, { payload: bytes(0) }, false],
  ['segments of 8 bytes', TCP4, { payload: bytes(8) }, {}, true],
  ['segments smaller than Linux makes', TCP4, { payload: bytes(7) }, {}, false],
  ['datagrams of 1 byte', UDP4, { payload: bytes(1) }, {}, true],

  ['a wrong checksum on the first', TCP4, { checksum: 'wrong' }, { checksum: 'right' }, false],
  ['a wrong checksum on the second', TCP6, {}, { checksum: 'wrong' }, false],
  ['a wrong checksum on the second', UDP4, {}, { checksum: 'wrong' }, false],
  ['partial checksums', TCP4, { checksum: 'partial' }, {}, false],
  ['no checksums', UDP4, { checksum: 'none' }, {}, false],
  ['a UDP length that is too small', UDP4, {}, { udpLengthError: -1 }, false],
  ['a UDP length that is too large', UDP6, { udpLengthError: 1 }, {}, false],
];

for (const [what, plain, first, second, merges] of rules) {
  const kind = `${plain.protocol} over IPv${plain.family}`;
  test(`coalesce() ${merges ? 'merges' : 'keeps apart'}: ${what}, ${kind}, ${JSON.stringify([first, second])}`, t => {
    const one = { ...plain, ...first };
    const segments = [one, after(one, second)];
    const outcomes = flat(segments);
    t.is(outcomes.length, merges ? 1 : 2);
    const bytesOf = (frames: readonly Buffer[]) => frames.map(frame => frame.toString('hex'));
    const sent = segments.map(frameOf);
    if (merges) {
      t.deepEqual(bytesOf(outcomes.flatMap(resegment).map(normalise)), bytesOf(sent.map(normalise)));
    } else {
      t.deepEqual(bytesOf(outcomes.map(({ frame }) => frame)), bytesOf(sent), 'byte for byte');
      t.true(outcomes.every(({ gsoType, pieces }) => gsoType === GSO_NONE && pieces === 0));
    }
  });
}

/** Without the identification if it means nothing: RFC 6864 section 4.1, "atomic datagrams". */
function normalise(frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  if (copy.readUInt16BE(12) !== 0x0800 || (copy.readUInt16BE(20) & DF) === 0) return copy;
  if (referenceSum(copy.subarray(14, 14 + (copy.readUInt8(14) & 0x0f) * 4)) !== 0xffff) return copy;
  copy.writeUInt16BE(0, 18);
  copy.writeUInt16BE(0, 24);
  return copy;
}

test('coalesce() appends nothing behind PSH, a short segment or a frame that goes alone, and begins anew', t => {
  for (const closing of [
    { flags: ACK | PSH },
    { payload: bytes(50) },
    { flags: ACK | FIN },
    { flags: ACK | CWR },
    { checksum: 'wrong' },
    { payload: bytes(0) },
    { checksum: 'partial' },
  ] as const) {
    const [one, two] = stream(TCP4, 2) as [Segment, Segment];
    const three = after(two, closing);
    const four = after(three, { flags: ACK, payload: bytes(100), checksum: 'right' });
    const outcomes = flat([one, two, three, four, after(four)]);
    const counts = outcomes.map(({ pieces }) => pieces + 1);
    const joins = 'flags' in closing && closing.flags === (ACK | PSH);
    const isShort = 'payload' in closing && closing.payload.length === 50;
    t.deepEqual(counts, joins || isShort ? [3, 2] : [2, 1, 2], JSON.stringify(closing));
  }
});

test('coalesce() takes up a stream again behind a segment with a wrong checksum', t => {
  const segments = stream(UDP4, 6).map((segment, i) =>
    i === 2 ? { ...segment, checksum: 'wrong' as const } : segment,
  );
  t.deepEqual(
    flat(segments).map(({ pieces }) => pieces + 1),
    [2, 1, 3],
  );
});

test('coalesce() keeps many flows in flight and hands on in the order of their first segments', t => {
  const flows = Array.from({ length: 64 }, (_, flow) => {
    const [, plain] = KINDS[flow % 4] ?? KINDS[0];
    return stream({ ...plain, sourcePort: 40_000 + flow }, 10);
  });
  const interleaved = Array.from({ length: 10 }, (_, i) => flows.map(flow => flow[i] ?? PLAIN)).flat();
  const [outcomes, ...others] = coalesce(interleaved);
  t.is(others.length, 0);
  t.deepEqual(
    outcomes?.map(({ pieces }) => pieces),
    flows.map(() => 9),
  );
  t.deepEqual(
    outcomes?.map(outcome => outcome.frame.readUInt16BE(outcome.csumStart)),
    flows.map((_, flow) => 40_000 + flow),
  );
});

test('coalesce() lets frames of other flows and other protocols pass between two segments', t => {
  const [one, two] = stream(TCP4, 2) as [Segment, Segment];
  const between: Partial<Segment>[] = [
    { etherType: 0x0806 },
    { sourcePort: 1 },
    { source: 9, fragment: 0x2000 },
    { source: 2, destination: 1 },
    { family: 6 },
    { protocol: 'udp', flags: ACK },
  ];
  for (const changes of between) {
    const outcomes = flat([one, { ...PLAIN, ...changes }, two]);
    t.deepEqual(
      outcomes.map(({ pieces }) => pieces),
      [1, 0],
      JSON.stringify(changes),
    );
  }
});

test('coalesce() lets no segment overtake a fragment or an IPv6 extension header between the same addresses', t => {
  const cases: readonly [Segment, Partial<Segment>][] = [
    [UDP4, { fragment: 0x2000, sourcePort: 1 }],
    [UDP4, { fragment: 0x0010 }],
    [TCP4, { ipOptions: Uint8Array.of(1, 1, 1, 0) }],
    [TCP6, { extension: { type: 44, bytes: Uint8Array.of(6, 0, 0, 1, 0, 0, 0, 9) } }],
    [UDP6, { extension: { type: 0, bytes: Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0) } }],
  ];
  for (const [plain, changes] of cases) {
    const [one, two] = stream(plain, 2) as [Segment, Segment];
    t.deepEqual(
      flat([one, { ...plain, ...changes }, two]).map(({ pieces }) => pieces),
      [0, 0, 0],
    );
  }
});

test('coalesce() follows identifications through a run without DF', t => {
  const segments = stream({ ...UDP4, fragment: 0, identification: 0xfffe }, 5);
  const [outcome, ...others] = flat(segments);
  t.is(others.length, 0);
  t.deepEqual(outcome === undefined ? [] : resegment(outcome), segments.map(frameOf));
});

test('coalesce() stops at 64 segments and below 65,536 bytes', t => {
  t.deepEqual(
    flat(stream(UDP4, 130)).map(({ pieces }) => pieces + 1),
    [64, 64, 2],
  );
  const large = flat(stream({ ...TCP4, payload: bytes(1400) }, 100));
  t.deepEqual(
    large.map(({ pieces }) => pieces + 1),
    [46, 46, 8],
  );
  t.is(large[0]?.frame.length, 54 + 46 * 1400);
  // To the byte: 54 + 60,000 + 5,481 = 65,535.
  for (const [payload, frames] of [
    [5481, 1],
    [5482, 2],
  ] as const) {
    const first = { ...TCP4, payload: bytes(60_000) };
    t.is(flat([first, after(first, { payload: bytes(payload) })]).length, frames);
  }
});

test('coalesce() says when there is no descriptor left, and goes on with the next batch', t => {
  const segments = Array.from({ length: 10 }, (_, i) => ({ ...TCP4, sourcePort: i }));
  t.deepEqual(
    coalesce(segments, { capacity: 4 }).map(batch => batch.length),
    [4, 4, 2],
  );
  // What still fits a frame in the making is taken.
  const [one, two, three] = stream(TCP4, 3) as [Segment, Segment, Segment];
  t.deepEqual(
    coalesce([one, { ...TCP4, sourcePort: 1 }, two, { ...TCP4, sourcePort: 2 }, three], { capacity: 2 }).map(
      batch => batch.map(({ pieces }) => pieces),
    ),
    [
      [1, 0],
      [0, 0],
    ],
  );
});

test('coalesce() merges only the protocols it is told to', t => {
  const segments = [...stream(TCP4, 2), ...stream(UDP4, 2)];
  const counts = (protocols: number) =>
    coalesce(segments, { protocols })
      .flat()
      .map(({ pieces }) => pieces);
  t.deepEqual(counts(COALESCE_TCP), [1, 0, 0]);
  t.deepEqual(counts(COALESCE_UDP), [0, 0, 1]);
  t.deepEqual(counts(0), [0, 0, 0, 0]);
});

for (const [name, plain, gsoType, headers] of KINDS) {
  test(`coalesce() hands a partial checksum on as one that is needed: ${name}`, t => {
    const segment: Segment = { ...plain, payload: bytes(33), checksum: 'partial' };
    const [outcome] = flat([segment]);
    t.like(outcome, { flags: FLAG_NEEDS_CSUM, gsoType: GSO_NONE, gsoSize: 0, headerLength: headers });
    t.is(outcome?.csumStart, headers - (plain.protocol === 'tcp' ? 20 : 8));
    t.is(outcome?.csumOffset, plain.protocol === 'tcp' ? 16 : 6);
    t.deepEqual(outcome?.frame, frameOf(segment));
    // The same with a payload of many segments; only of UDP is their size told.
    const whole = flat([{ ...segment, payload: bytes(9000), gsoHint: 1000 }])[0];
    t.like(whole, plain.protocol === 'udp' ? { gsoType, gsoSize: 1000 } : { gsoType: GSO_NONE, gsoSize: 0 });
    t.like(flat([{ ...plain, gsoHint: 10 }])[0], { flags: 0, gsoType: GSO_NONE, gsoSize: 0 });
  });
}

test('coalesce() takes a partial checksum for one only if it is that exactly, over the whole packet', t => {
  for (const changes of [
    { checksum: 'right' },
    { checksum: 'wrong' },
    { checksum: 'partial', padding: 1 },
  ] as const) {
    t.like(flat([{ ...TCP4, payload: bytes(33), ...changes }])[0], {
      flags: 0,
      csumStart: 0,
      headerLength: 0,
    });
  }
  // Also where it cannot be merged: a SYN, IPv4 options.
  for (const changes of [{ flags: SYN }, { ipOptions: Uint8Array.of(1, 1, 1, 0) }]) {
    t.is(flat([{ ...TCP4, ...changes, checksum: 'partial' }])[0]?.flags, FLAG_NEEDS_CSUM);
  }
});

test('coalesce() finds a partial checksum behind IPv6 options, where the kernel leaves it to a network card too', t => {
  const options = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);
  for (const [plain, field] of [
    [TCP6, 16],
    [UDP6, 6],
  ] as const) {
    for (const type of [0, 60]) {
      const segment: Segment = { ...plain, extension: { type, bytes: options }, checksum: 'partial' };
      const headers = 54 + 8 + (plain === TCP6 ? 20 : 8);
      const [outcome] = flat([segment]);
      t.like(outcome, { flags: FLAG_NEEDS_CSUM, csumStart: 62, csumOffset: field, headerLength: headers });
      t.deepEqual(outcome?.frame, frameOf(segment));
    }
    // Behind a routing header the pseudo header has another destination; of a fragment there is no whole sum.
    for (const type of [43, 44]) {
      t.like(flat([{ ...plain, extension: { type, bytes: options }, checksum: 'partial' }])[0], { flags: 0 });
    }
  }
});

/** One step of a random stream: which flow, how much, and what is odd about it. */
const ODDITIES: readonly Partial<Segment>[] = [
  {},
  { flags: ACK | PSH },
  { flags: ACK | FIN },
  { flags: ACK | ECE },
  { flags: ACK | CWR },
  { window: 501 },
  { acknowledgment: 78 },
  { tos: 1 },
  { ttl: 63 },
  { fragment: 0 },
  { fragment: 0x2000 },
  { checksum: 'wrong' },
  { checksum: 'partial' },
  { ipChecksum: 'wrong' },
  { padding: 3 },
  { options: Uint8Array.of(1, 1, 1, 1) },
  { outerTos: 1 },
  { vtep: 10 },
  { encapsulation: Uint8Array.of(8, 0, 0, 0, 0, 0, 43, 0) },
  { extension: { type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) } },
  { extension: { type: 43, bytes: Uint8Array.of(0, 0, 4, 0, 0, 0, 0, 0) } },
  { extension: { type: 44, bytes: Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 9) } },
];

interface Step {
  readonly flow: number;
  readonly length: number;
  readonly odd: number;
  /** Sequence numbers and identifications left out behind it. */
  readonly skip: number;
  readonly seed: number;
}

const often = <T>(usual: T, unusual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 19, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: unusual });

const step: fc.Arbitrary<Step> = fc.record({
  flow: fc.nat({ max: 7 }),
  length: often(100, fc.constantFrom(60, 1, 0, 1400)),
  odd: often(0, fc.nat({ max: ODDITIES.length - 1 })),
  skip: often(0, fc.constant(5)),
  seed: fc.nat({ max: 255 }),
});

function randomSegments(steps: readonly Step[]): Segment[] {
  const flows = Array.from({ length: 8 }, (_, i) => {
    const [, plain] = KINDS[i % 4] ?? KINDS[0];
    return {
      ...plain,
      sourcePort: i < 4 ? 40_000 : 40_001,
      sequence: 0xffff_f000,
      identification: 0xfff0,
      fragment: i < 4 ? DF : 0,
    };
  });
  return steps.map(({ flow, length, odd, skip, seed }) => {
    const now = flows[flow] ?? { ...PLAIN };
    const segment = { ...now, payload: bytes(length, seed), ...ODDITIES[odd] };
    now.sequence = (now.sequence + length + skip) >>> 0;
    now.identification = (now.identification + 1 + skip) % 0x1_0000;
    return segment;
  });
}

/** Between which two places, in which encapsulation; for the order that must hold. */
function conversationOf(segment: Segment): string {
  return `${segment.family} ${Buffer.from(segment.encapsulation).toString('hex')} ${segment.source} ${segment.destination}`;
}

function isObscure(segment: Segment): boolean {
  return (
    (segment.family === 4 && (segment.fragment & 0x3fff) !== 0) ||
    (segment.family === 6 && (segment.extension?.type === 43 || segment.extension?.type === 44))
  );
}

test('coalesce() then resegmentation gives back every frame, in order within each flow', t => {
  let merged = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 150, size: 'max' }),
      fc.constantFrom(2, 5, 64),
      (steps, capacity) => {
        const segments = randomSegments(steps);
        const outcomes = coalesce(segments, { capacity }).flat();
        merged += segments.length - outcomes.length;
        const came = outcomes.flatMap(outcome =>
          resegment(outcome).map(
            frame => `${outcome.encapsulation.toString('hex')} ${normalise(frame).toString('hex')}`,
          ),
        );
        const sent = segments.map(
          segment =>
            `${Buffer.from(segment.encapsulation).toString('hex')} ${normalise(frameOf(segment)).toString('hex')}`,
        );
        if (came.length !== sent.length) return false;
        // Every group of frames in which order matters: one flow, with all that may belong to any flow beside it.
        const groups = new Map<string, Set<string>>();
        segments.forEach((segment, i) => {
          const flow = `${conversationOf(segment)} ${segment.protocol} ${segment.sourcePort}`;
          groups.set(flow, (groups.get(flow) ?? new Set()).add(sent[i] ?? ''));
        });
        for (const [flow, members] of groups) {
          segments.forEach((segment, i) => {
            if (isObscure(segment) && flow.startsWith(`${conversationOf(segment)} `))
              members.add(sent[i] ?? '');
          });
          const order = (frames: readonly string[]) => frames.filter(frame => members.has(frame)).join('\n');
          if (order(came) !== order(sent)) return false;
        }
        return true;
      },
    ),
    { seed: 7348, numRuns: 2000 },
  );
  t.true(merged > 50_000, `${merged} segments were merged`);
});
