import test from 'ava';
import fc from 'fast-check';
import { parseIp, parseMac, type Vni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { type Epoch, formatEpoch, makeEpoch, parseEpoch } from './epoch.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';
import { decodeHint, encodeHint } from './hint.ts';
import {
  BODY_MAX_BYTES,
  CONTAINER_MAX_BYTES,
  ENDPOINT_MAX_IPS,
  ENDPOINT_MAX_NAMES,
  FRAME_MAX_BYTES,
  INTERFACE_MAX_BYTES,
  MAX_EPOCH_COUNTER,
  NAMES_MAX_BYTES,
} from './limits.ts';
import {
  decodeEndpoint,
  decodeVtep,
  encodeEndpoint,
  encodeGone,
  encodeVtep,
  type LogRecord,
  macKey,
  macOfKey,
} from './record.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const BLUE = 42 as Vni;
const EPOCH = (3 * 2 ** 32 + 0xdeadbeef) as Epoch;
const MAC = parseMac('02:00:5e:10:00:01');

const ENDPOINT = {
  ips: [parseIp('198.18.0.1'), parseIp('2001:db8::1')],
  interface: 'eth0',
  containerId: 'c1',
  mobility: 7,
  sticky: true,
  frozen: false,
};

const RECORDS: readonly LogRecord[] = [
  {
    seq: 8,
    kind: 1,
    key: hex(''),
    body: encodeVtep({ address: parseIp('192.0.2.1'), port: 4789 }),
    deleted: false,
  },
  { seq: 300, kind: 3, key: macKey(MAC), body: encodeEndpoint(ENDPOINT), deleted: false },
  { seq: 301, kind: 200, key: hex('ff'), body: hex('0102'), deleted: true },
];

/** The wire, byte for byte: whoever changes one of these breaks the pool. */
const VECTORS: readonly [string, string, Frame][] = [
  ['hello', '0101047a656c64', { type: 'hello', version: 1, name: 'zeld' }],
  [
    'probe',
    '020200002a0000000100000002ffffffffffffff00000000',
    {
      type: 'probe',
      scopes: [
        { vni: BLUE, hash: [1, 2] },
        { vni: 0xffffff as Vni, hash: [0xffffffff, 0] },
      ],
    },
  ],
  [
    'buckets',
    '0300002a0200000001000000020000000300000004',
    {
      type: 'buckets',
      vni: BLUE,
      hashes: [
        [1, 2],
        [3, 4],
      ],
    },
  ],
  [
    'digest',
    '0400002a00040201030102766d00000003deadbeefac0205',
    {
      type: 'digest',
      vni: BLUE,
      bucketCount: 4,
      buckets: [1, 3],
      entries: [{ origin: 'vm', epoch: EPOCH, seq: 300, gc: 5 }],
    },
  ],
  [
    'want',
    '0500002a0102766d00000000000000000000',
    { type: 'want', vni: BLUE, entries: [{ origin: 'vm', epoch: 0 as Epoch, seq: 0, gc: 0 }] },
  ],
  [
    'delta',
    '0600002a02766d00000003deadbeef07ad02ae020501030101000007' +
      '04c000020112b5a40203000602005e1000012401000000070204c612000110' +
      '20010db800000000000000000000000104657468300263310' +
      '1c80101ff020102',
    {
      type: 'delta',
      vni: BLUE,
      origin: 'vm',
      epoch: EPOCH,
      from: 7,
      to: 301,
      head: 302,
      gc: 5,
      relay: true,
      records: RECORDS,
    },
  ],
  ['bye', '0700002a', { type: 'bye', vni: BLUE }],
];

for (const [name, bytes, frame] of VECTORS) {
  test(`a ${name} is these bytes`, t => {
    t.is(toHex(encodeFrame(frame)), bytes);
    t.deepEqual(decodeFrame(hex(bytes)), frame);
  });

  test(`a ${name} that is cut anywhere, or goes on, is refused`, t => {
    const whole = encodeFrame(frame);
    for (let length = 0; length < whole.length; length++) {
      t.throws(() => decodeFrame(whole.subarray(0, length)), { code: 'malformed' });
    }
    t.throws(() => decodeFrame(Buffer.concat([whole, hex('00')])), { code: 'malformed' });
  });
}

const REFUSED: readonly [string, string][] = [
  ['a hello without a name', '010100'],
  ['a name that is not UTF-8', '010101ff'],
  ['a name of 129 bytes', `01018101${'61'.repeat(129)}`],
  ['three buckets', `0300002a03${'00'.repeat(24)}`],
  ['no buckets', '0300002a00'],
  ['more probes than bytes', '02ff1f'],
  ['a length in a longer form than it needs', '0101840061626364'],
  ['a number beyond 2^48', '0600002a02766d00000003deadbeef00ffffffffffffff7f00000000'],
  ['an epoch that nobody could exceed', '0500002a0102766d00100000000000000000'],
  ['a delta that runs backwards', '0600002a02766d00000003deadbeef0201020000' + '00'],
  ['a delta whose head is before its end', '0600002a02766d00000003deadbeef0002010000' + '00'],
  ['a record beyond the end of its delta', '0600002a02766d00000003deadbeef000101000001' + '02030000' + '00'],
  ['two records of one number', '0600002a02766d00000003deadbeef000202000002' + '0103000000' + '0003000000'],
  ['a key of 65 bytes', `0600002a02766d00000003deadbeef000101000001010300${'41'}${'00'.repeat(65)}00`],
];

for (const [name, bytes] of REFUSED) {
  test(`refused: ${name}`, t => {
    t.throws(() => decodeFrame(hex(bytes)), { instanceOf: WeftError, code: 'malformed' });
  });
}

test('a frame beyond the limit is refused before it is looked at', t => {
  t.throws(() => decodeFrame(new Uint8Array(FRAME_MAX_BYTES + 1)), { code: 'malformed' });
});

test('a frame of a later version is skipped', t => {
  t.is(decodeFrame(hex('63010203')), undefined);
});

const NAMED = { ...ENDPOINT, claimedAt: 0x0102_0304_0506, names: ['web', 'web-1'] };
const NAMED_BODY =
  '01000000070204c61200011020010db80000000000000000000000010465746830026331010203040506020377656205' +
  '7765622d31';

test('the names of an endpoint are behind all that a node without names reads', t => {
  t.is(toHex(encodeEndpoint(NAMED)), NAMED_BODY);
  t.deepEqual(decodeEndpoint(hex(NAMED_BODY)), NAMED);
  t.deepEqual(decodeEndpoint(hex(`${NAMED_BODY}beef`)), NAMED, 'what a later version adds is ignored');
  const { claimedAt, ...untimed } = NAMED;
  t.deepEqual(decodeEndpoint(encodeEndpoint(untimed)), { ...NAMED, claimedAt: 0 });
  t.deepEqual(decodeEndpoint(encodeEndpoint({ ...ENDPOINT, names: [] })), ENDPOINT);
  t.is(claimedAt, NAMED.claimedAt);
});

test('an endpoint with the most of everything fits a record', t => {
  const names = Array.from({ length: ENDPOINT_MAX_NAMES }, (_, i) => `${i}`.padEnd(15, 'x'));
  const ips = Array.from({ length: ENDPOINT_MAX_IPS }, (_, i) => parseIp(`2001:db8::${i}`));
  const texts = { interface: 'i'.repeat(INTERFACE_MAX_BYTES), containerId: 'c'.repeat(CONTAINER_MAX_BYTES) };
  const most = { ...NAMED, ...texts, ips, names };
  const size = (given: readonly string[]) => given.reduce((sum, name) => sum + name.length + 1, 0);
  t.is(size(names), NAMES_MAX_BYTES);
  t.true(encodeEndpoint(most).length <= BODY_MAX_BYTES);
  t.deepEqual(decodeEndpoint(encodeEndpoint(most)), most);
});

test('an endpoint, a VTEP and a tombstone are these bytes', t => {
  const body = '01000000070204c61200011020010db80000000000000000000000010465746830026331';
  t.is(toHex(encodeEndpoint(ENDPOINT)), body);
  t.deepEqual(decodeEndpoint(hex(body)), ENDPOINT);
  t.deepEqual(
    decodeEndpoint(hex(`${body}beef`)),
    ENDPOINT,
    'what a later version adds at the end is ignored',
  );
  t.is(toHex(encodeVtep({ address: parseIp('192.0.2.1'), port: 4789 })), '04c000020112b5');
  t.deepEqual(decodeVtep(hex('04c000020112b5')), { address: parseIp('192.0.2.1'), port: 4789 });
  t.is(toHex(encodeGone(9)), '0000000009000000');
  t.is(decodeEndpoint(encodeGone(9)).mobility, 9);
  t.is(macOfKey(macKey(MAC)), MAC);
});

for (const [name, decode] of [
  ['an address of 5 bytes', () => decodeVtep(hex('05c00002010112b5'))],
  ['port 0', () => decodeVtep(hex('04c00002010000'))],
  ['33 addresses', () => decodeEndpoint(hex(`000000000021${'0401020304'.repeat(33)}0000`))],
  ['an interface name of 65 bytes', () => decodeEndpoint(hex(`000000000000${'41'}${'61'.repeat(65)}00`))],
  ['17 names', () => decodeEndpoint(hex(`${NAMED_BODY.slice(0, 84)}11${'0161'.repeat(17)}`))],
  ['a name of 64 bytes', () => decodeEndpoint(hex(`${NAMED_BODY.slice(0, 84)}0140${'61'.repeat(64)}`))],
  ['names that end too early', () => decodeEndpoint(hex(NAMED_BODY.slice(0, -2)))],
  ['a key of 5 bytes for a MAC address', () => macOfKey(hex('0102030405'))],
] as const) {
  test(`refused in a record: ${name}`, t => {
    t.throws(decode, { instanceOf: WeftError, code: 'malformed' });
  });
}

test('a hint is these bytes', t => {
  const scopes = [{ vni: BLUE, epoch: EPOCH, seq: 300, hash: [1, 2] as const }];
  const bytes = '010100002a00000003deadbeefac020000000100000002';
  t.is(toHex(encodeHint(scopes)), bytes);
  t.deepEqual(decodeHint(hex(bytes)), scopes);
  t.deepEqual(decodeHint(hex('02ff')), [], 'of a later version');
});

test('epochs are ordered by their counter, and read as they are written', t => {
  const low = makeEpoch(1, { next: () => 0.999999 });
  const high = makeEpoch(2, { next: () => 0 });
  t.true(low < high);
  for (const epoch of [low, high, makeEpoch(MAX_EPOCH_COUNTER, { next: () => 0.5 })]) {
    t.is(parseEpoch(formatEpoch(epoch)), epoch);
  }
  for (const text of ['', '0', 'x y', 'zzzzzzzzzzz', '-1']) t.is(parseEpoch(text), undefined, text);
});

const record = fc.record({
  step: fc.integer({ min: 1, max: 1000 }),
  kind: fc.integer({ min: 0, max: 255 }),
  key: fc.uint8Array({ maxLength: 64 }),
  body: fc.uint8Array({ maxLength: 200 }),
  deleted: fc.boolean(),
});

test('what is encoded is decoded as it was, unknown kinds included', t => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), fc.nat(1000), (steps, from) => {
      let seq = from;
      const records = steps.map(({ step, ...rest }) => {
        seq += step;
        return { seq, ...rest };
      });
      const frame: Frame = {
        type: 'delta',
        vni: BLUE,
        origin: 'vm',
        epoch: EPOCH,
        from,
        to: seq,
        head: seq,
        gc: 0,
        relay: false,
        records,
      };
      t.deepEqual(decodeFrame(encodeFrame(frame)), frame);
    }),
    { numRuns: 200 },
  );
});

test('mutated frames, hints and bodies decode or throw malformed, nothing else, and what decodes is encoded as it was', t => {
  const seeds = [
    ...VECTORS.map(([, bytes]) => hex(bytes)),
    encodeEndpoint(ENDPOINT),
    hex(NAMED_BODY),
    hex('010100002a00000003deadbeefac020000000100000002'),
  ];
  const change = fc.record({
    seed: fc.nat(seeds.length - 1),
    edits: fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 6 }),
    cut: fc.nat(200),
  });
  const tryTo = (decode: () => void): void => {
    try {
      decode();
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'malformed') throw error;
    }
  };
  let decoded = 0;
  fc.assert(
    fc.property(change, ({ seed, edits, cut }) => {
      const bytes = new Uint8Array(seeds[seed] ?? []);
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      const input = cut < 150 ? bytes : bytes.subarray(0, cut % bytes.length);
      tryTo(() => {
        const frame = decodeFrame(input);
        if (frame === undefined) return;
        decoded += 1;
        // Flags of later versions are not kept: the frame is, and is then stable.
        const again = encodeFrame(frame);
        t.deepEqual(decodeFrame(again), frame);
        t.true(again.length === input.length);
      });
      tryTo(() => void decodeHint(input));
      tryTo(() => void decodeEndpoint(input));
      tryTo(() => void decodeVtep(input));
    }),
    { numRuns: 30_000 },
  );
  t.true(decoded > 1000, `${decoded} of them decoded`);
});
