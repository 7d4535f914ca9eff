import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { compress } from './compression.ts';
import { PROTOCOL_VERSION } from './constants.ts';
import { DROP_REASONS, type DropReason } from './counters.ts';
import { lzwEncode } from './lzw.ts';
import { encodeMessage, type Message } from './message.ts';
import { MsgpackWriter } from './msgpack.ts';
import { decodePacket, encodePacket, withChecksum } from './packet.ts';
import { randomInteger, seededRandom } from './random.ts';

const MESSAGES: readonly Message[] = [
  { type: 'nack', sequence: 5 },
  { type: 'user', body: Uint8Array.of(4, 0x80) },
  { type: 'suspect', node: 'n3', incarnation: 1, from: 'n1' },
  {
    type: 'ping',
    sequence: 9,
    node: 'n2',
    source: { address: parseIp('2001:db8::1'), port: 7946, node: 'n1' },
  },
  {
    type: 'alive',
    node: 'n4',
    address: parseIp('192.0.2.4'),
    port: 7946,
    incarnation: 3,
    meta: new Uint8Array(40),
    version: PROTOCOL_VERSION,
  },
];
const PARTS = MESSAGES.map(encodeMessage);

test('encodePacket sends one message as it is and several as a compound', t => {
  const [nack = Buffer.alloc(0), , suspect = Buffer.alloc(0)] = PARTS;
  t.is(encodePacket([nack]), nack);
  t.is(
    Buffer.from(encodePacket([nack, suspect])).toString('hex'),
    `07020009001f${Buffer.from(nack).toString('hex')}${Buffer.from(suspect).toString('hex')}`,
  );
});

const COMPRESSIBLE = encodePacket(new Array<Uint8Array[]>(4).fill(PARTS).flat());

test('decodePacket inverts encodePacket, with and without compression and a checksum', t => {
  t.is(compress(COMPRESSIBLE)[0], 9);
  for (const wrap of [(bytes: Uint8Array) => bytes, withChecksum]) {
    t.deepEqual(decodePacket(wrap(encodePacket(PARTS))), { messages: MESSAGES, drops: [] });
    const { messages, drops } = decodePacket(wrap(compress(COMPRESSIBLE)));
    t.deepEqual(messages, new Array<readonly Message[]>(4).fill(MESSAGES).flat());
    t.deepEqual(drops, []);
  }
});

test('decodePacket refuses compressed data that is damaged, nested, of another algorithm or too much', t => {
  const packed = (inner: Uint8Array, algorithm = 0) =>
    new MsgpackWriter().byte(9).map(2).text('Algo').unsigned(algorithm).text('Buf').raw(inner).bytes();
  const reasons: readonly [Uint8Array, string][] = [
    [packed(lzwEncode(PARTS[0] ?? new Uint8Array(0)), 1), 'compressed'],
    [packed(Uint8Array.of(1, 2, 3)), 'malformed'],
    [packed(lzwEncode(Uint8Array.of())), 'malformed'],
    [packed(lzwEncode(new Uint8Array(65_508))), 'inflated'],
    [packed(lzwEncode(packed(lzwEncode(Uint8Array.of(1))))), 'nested'],
    [packed(lzwEncode(withChecksum(Uint8Array.of(1)))), 'nested'],
    [encodePacket([packed(lzwEncode(Uint8Array.of(1))), PARTS[0] ?? new Uint8Array(0)]), 'nested'],
  ];
  for (const [bytes, reason] of reasons) t.deepEqual(decodePacket(bytes).drops, [reason as DropReason]);
});

test('encodePacket refuses more than 127 parts, which memberlist 0.2.2 mis-reads', t => {
  const part = encodeMessage({ type: 'nack', sequence: 1 });
  t.is(decodePacket(encodePacket(new Array(127).fill(part))).messages.length, 127);
  t.throws(() => encodePacket(new Array(128).fill(part)), { code: 'invalid_argument' });
  t.throws(() => encodePacket([]), { code: 'invalid_argument' });
});

test('decodePacket takes a compound of up to 255 parts', t => {
  const part = Buffer.from(encodeMessage({ type: 'nack', sequence: 1 }));
  const lengths = Buffer.alloc(510);
  for (let index = 0; index < 255; index++) lengths.writeUInt16BE(part.length, 2 * index);
  const packet = Buffer.concat([Uint8Array.of(7, 255), lengths, ...new Array<Buffer>(255).fill(part)]);
  t.is(decodePacket(packet).messages.length, 255);
});

test('decodePacket names the reason of each datagram that weft does not use', t => {
  const reasons: readonly [string, number[], string][] = [
    ['nothing', [], 'malformed'],
    ['a compressed message of nothing', [9, 0x80], 'malformed'],
    ['a label', [244, 1, 97, 0], 'labelled'],
    ['a push/pull', [6, 0x80], 'streamOnly'],
    ['an encrypted stream frame', [10, 0, 0], 'streamOnly'],
    ['an error', [13, 0x80], 'streamOnly'],
    ['an unknown type', [99], 'unknownType'],
    ['a checksum over nothing, which killed memberlist 0.2.2', [12, 0, 0, 0, 0], 'malformed'],
    ['a checksum cut short', [12, 0, 0], 'malformed'],
    ['a wrong checksum', [12, 0, 0, 0, 0, 11], 'checksum'],
    ['a compound of nothing', [7, 0], 'malformed'],
    ['a compound without its lengths', [7, 5, 0, 1], 'malformed'],
    ['a compound of a compound', [7, 1, 0, 2, 7, 0], 'nested'],
    ['a compound of an empty part', [7, 1, 0, 0], 'malformed'],
  ];
  for (const [what, bytes, reason] of reasons) {
    t.deepEqual(decodePacket(Uint8Array.from(bytes)), { messages: [], drops: [reason] } as never, what);
  }
});

test('decodePacket uses the whole parts of a truncated compound', t => {
  const whole = encodePacket(PARTS);
  const { messages, drops } = decodePacket(whole.subarray(0, whole.length - 1));
  t.deepEqual(messages, MESSAGES.slice(0, -1));
  t.deepEqual(drops, ['truncated']);
});

test('decodePacket accounts for each of 10^5 random and mutated datagrams, and never throws', t => {
  const random = seededRandom(20_026);
  const valid = [
    ...PARTS,
    encodePacket(PARTS),
    withChecksum(encodePacket(PARTS)),
    compress(COMPRESSIBLE),
    withChecksum(PARTS[2] ?? Buffer.of()),
  ];
  let used = 0;
  let dropped = 0;
  const started = process.cpuUsage().user;
  for (let round = 0; round < 100_000; round++) {
    const { messages, drops } = decodePacket(round % 2 === 0 ? randomBytes() : mutated());
    if (messages.length + drops.length === 0 || drops.some(reason => !(reason in DROP_REASONS))) {
      t.fail(`round ${round} is not accounted for`);
      return;
    }
    used += messages.length;
    dropped += drops.length;
  }
  t.true(used > 1000 && dropped > 50_000, `${used} used, ${dropped} dropped`);
  t.true(process.cpuUsage().user - started < 60e6, 'bounded work for each datagram');

  function randomBytes(): Buffer {
    const bytes = Buffer.alloc(randomInteger(random, 64));
    for (let index = 0; index < bytes.length; index++) bytes.writeUInt8(randomInteger(random, 256), index);
    // Half of them get past the first byte.
    if (bytes.length > 0 && random.next() < 0.5) bytes.writeUInt8(randomInteger(random, 14), 0);
    return bytes;
  }

  function mutated(): Buffer {
    const bytes = Buffer.from(valid[randomInteger(random, valid.length)] ?? []);
    for (let changes = randomInteger(random, 4); changes >= 0; changes--) {
      bytes.writeUInt8(randomInteger(random, 256), randomInteger(random, bytes.length));
    }
    return bytes.subarray(0, random.next() < 0.2 ? randomInteger(random, bytes.length) : bytes.length);
  }
});
