import test from 'ava';
import fc from 'fast-check';
import { parseIp } from '../dataplane/address.ts';
import { PROTOCOL_VERSION } from './constants.ts';
import { decodeMessage, encodeMessage, type Message } from './message.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const SOURCE = { address: parseIp('127.0.0.1'), port: 7956, node: 'bravo' };

/** Captured from serf 0.9.4 (memberlist 0.2.2). */
const GOLDEN: readonly [string, string, Message][] = [
  [
    'ping',
    '0085a44e6f6465a5616c706861a55365714e6f01aa536f7572636541646472a47f000001aa536f757263654e6f6465a5627261766faa536f75726365506f7274cd1f14',
    { type: 'ping', sequence: 1, node: 'alpha', source: SOURCE },
  ],
  [
    'alive',
    '0486a441646472a47f000001ab496e6361726e6174696f6e01a44d657461aaff81a4726f6c65a26462a44e6f6465a5627261766fa4506f7274cd1f14a356736ea6010502020505',
    {
      type: 'alive',
      node: 'bravo',
      address: parseIp('127.0.0.1'),
      port: 7956,
      incarnation: 1,
      meta: hex('ff81a4726f6c65a26462'),
      version: hex('010502020505'),
    },
  ],
  [
    'suspect',
    '0383a446726f6da26e31ab496e6361726e6174696f6e01a44e6f6465a26e33',
    { type: 'suspect', node: 'n3', incarnation: 1, from: 'n1' },
  ],
  [
    'dead, from the node itself',
    '0583a446726f6da5627261766fab496e6361726e6174696f6e01a44e6f6465a5627261766f',
    { type: 'dead', node: 'bravo', incarnation: 1, from: 'bravo' },
  ],
  [
    'indirect ping',
    '0188a44e61636bc3a44e6f6465a26e33a4506f7274cd1f0ca55365714e6f05aa536f7572636541646472a47f000001aa536f757263654e6f6465a26e31aa536f75726365506f7274cd1f0aa6546172676574a47f000001',
    {
      type: 'indirectPing',
      sequence: 5,
      target: parseIp('127.0.0.1'),
      port: 7948,
      node: 'n3',
      nack: true,
      source: { address: parseIp('127.0.0.1'), port: 7946, node: 'n1' },
    },
  ],
  ['nack', '0b81a55365714e6f05', { type: 'nack', sequence: 5 }],
  [
    'ack without payload',
    '0282a75061796c6f6164c0a55365714e6f07',
    { type: 'ack', sequence: 7, payload: null },
  ],
];

for (const [name, bytes, message] of GOLDEN) {
  test(`decodeMessage and encodeMessage agree with memberlist on ${name}`, t => {
    const decoded = decodeMessage(hex(bytes));
    t.deepEqual(decoded, message);
    t.is(Buffer.from(encodeMessage(decoded ?? message)).toString('hex'), bytes);
    t.is(Buffer.from(encodeMessage(message)).toString('hex'), bytes);
  });

  test(`decodeMessage refuses ${name} cut at every length`, t => {
    const whole = hex(bytes);
    for (let length = 0; length < whole.length; length++) {
      t.throws(() => decodeMessage(whole.subarray(0, length)), { code: 'malformed' });
    }
  });
}

test('decodeMessage gives absent fields the zero value, as Go does', t => {
  t.deepEqual(decodeMessage(hex('0080')), { type: 'ping', sequence: 0, node: '', source: undefined });
});

test('decodeMessage takes an IPv4 address in 16 bytes for an IPv4 address', t => {
  const mapped = hex('0482a441646472b000000000000000000000ffff0a000001a44e6f6465a161');
  t.like(decodeMessage(mapped), { address: '10.0.0.1', node: 'a' });
});

test('decodeMessage returns undefined for a type that is not a datagram message', t => {
  for (const type of [6, 7, 9, 10, 12, 13, 14, 99, 244, 255])
    t.is(decodeMessage(Uint8Array.of(type, 0x80)), undefined);
});

test('decodeMessage refuses fields of a wrong type or range', t => {
  const bad: readonly [string, string][] = [
    ['a sequence number over 32 bits', '0081a55365714e6fcf0000000100000000'],
    ['a negative sequence number', '0081a55365714e6fff'],
    ['a text as sequence number', '0081a55365714e6fa131'],
    ['a number as name', '0081a44e6f646505'],
    ['a name that is not UTF-8', '0081a44e6f6465a1ff'],
    ['an address of 5 bytes', '0481a441646472a50102030405'],
    ['an alive message without address', '0481a44e6f6465a161'],
    ['a port over 16 bits', '0482a441646472a40a000001a4506f7274ce00010000'],
  ];
  for (const [what, bytes] of bad) t.throws(() => decodeMessage(hex(bytes)), { code: 'malformed' }, what);
});

const address = fc
  .oneof(
    fc.ipV4(),
    fc.ipV6().filter(text => !text.includes('.')),
  )
  .map(parseIp);
const port = fc.integer({ min: 1, max: 0xffff });
const sequence = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.string({ unit: 'grapheme', maxLength: 40 }).filter(text => !text.includes('\ufffd'));
const source = fc.option(fc.record({ address, port, node: name }), { nil: undefined });
const bytes = fc.uint8Array({ maxLength: 600 });

const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant('ping' as const), sequence, node: name, source }),
  fc.record({
    type: fc.constant('indirectPing' as const),
    sequence,
    target: address.filter(text => !text.startsWith('::ffff')),
    port,
    node: name,
    nack: fc.boolean(),
    source,
  }),
  fc.record({ type: fc.constant('ack' as const), sequence, payload: fc.option(bytes) }),
  fc.record({ type: fc.constant('nack' as const), sequence }),
  fc.record({
    type: fc.constantFrom('suspect' as const, 'dead' as const),
    node: name,
    incarnation: sequence,
    from: name,
  }),
  fc.record({
    type: fc.constant('alive' as const),
    node: name,
    address,
    port,
    incarnation: sequence,
    meta: bytes,
    version: fc.constant(PROTOCOL_VERSION),
  }),
);

test('decodeMessage inverts encodeMessage', t => {
  fc.assert(
    fc.property(anyMessage, message => {
      const encoded = encodeMessage(message);
      const decoded = decodeMessage(encoded);
      t.deepEqual(decoded, message);
      t.deepEqual(decoded && encodeMessage(decoded), encoded);
    }),
    { seed: 11, numRuns: 500 },
  );
});
