import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { compress } from './compression.ts';
import { PROTOCOL_VERSION } from './constants.ts';
import { lzwEncode } from './lzw.ts';
import { MsgpackWriter } from './msgpack.ts';
import { randomInteger, seededRandom } from './random.ts';
import { encodePushPull, encodeStreamError, type NodeState, type PushPull, StreamReader } from './stream.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

/** Captured from serf 0.9.4: a joining header that announces 589 bytes of user state, and one node. */
const HEADER = '0683a44a6f696ec3a54e6f64657301ac5573657253746174654c656ecd024d';
const NODE =
  '87a441646472a47f000001ab496e6361726e6174696f6e01a44d657461aaff81a4726f6c65a26462a44e616d65a5627261766fa4506f7274cd1f14a5537461746500a356736ea6010502020505';

const BRAVO: NodeState = {
  name: 'bravo',
  address: parseIp('127.0.0.1'),
  port: 7956,
  incarnation: 1,
  state: 'alive',
  meta: hex('ff81a4726f6c65a26462'),
  version: PROTOCOL_VERSION,
};

function someNodes(count: number): NodeState[] {
  const states = ['alive', 'suspect', 'dead', 'left'] as const;
  return Array.from({ length: count }, (_, index) => ({
    ...BRAVO,
    name: `node-${index}`,
    incarnation: index,
    state: states[index % 4] ?? 'alive',
    meta: new Uint8Array(index % 300),
  }));
}

test('StreamReader reads memberlist a push/pull with user state', t => {
  const bytes = Buffer.concat([hex(HEADER), hex(NODE), Buffer.alloc(589, 0xc0)]);
  const message = new StreamReader().push(bytes) as PushPull;
  t.true(message.join);
  t.is(message.nodes.length, 1);
  t.deepEqual(message.nodes[0], { ...BRAVO, meta: new Uint8Array(BRAVO.meta) });
  t.deepEqual(message.userState, new Uint8Array(589).fill(0xc0));
});

test('encodePushPull writes the node that memberlist writes', t => {
  const bytes = Buffer.from(encodePushPull({ join: true, nodes: [BRAVO] })).toString('hex');
  t.is(bytes, `0683a44a6f696ec3a54e6f64657301ac5573657253746174654c656e00${NODE}`);
});

test('StreamReader inverts encodePushPull however the bytes are cut, also when they are compressed', t => {
  const random = seededRandom(5);
  const exchanges = [0, 1, 200].map(count => ({
    count,
    plain: encodePushPull({ join: false, nodes: someNodes(count) }),
  }));
  t.is(compress(exchanges[2]?.plain ?? new Uint8Array(0))[0], 9);
  for (const { count, whole } of exchanges.flatMap(({ count, plain }) => [
    { count, whole: plain },
    { count, whole: compress(plain) },
  ])) {
    for (let round = 0; round < 5; round++) {
      const reader = new StreamReader();
      let message: unknown;
      for (let at = 0; at < whole.length; ) {
        t.is(message, undefined);
        const next = at + 1 + randomInteger(random, round === 0 ? 1 : 400);
        message = reader.push(whole.subarray(at, next));
        at = next;
      }
      t.deepEqual(message, {
        type: 'pushPull',
        join: false,
        nodes: someNodes(count),
        userState: new Uint8Array(0),
      });
    }
  }
});

test('StreamReader reads a ping and an error, and names what it cannot serve', t => {
  t.like(new StreamReader().push(hex('0081a44e6f6465a161')), { type: 'ping', node: 'a' });
  t.deepEqual(new StreamReader().push(encodeStreamError('no')), { type: 'err', error: 'no' });
  for (const [first, reason] of [
    [8, 'userMessage'],
    [10, 'encrypted'],
    [244, 'labelled'],
    [4, 'datagramOnly'],
    [77, 'unknownType'],
  ] as const) {
    t.deepEqual(new StreamReader().push(Uint8Array.of(first, 1, 2)), { type: 'unserved', reason });
  }
});

test('StreamReader refuses what exceeds its limits, before it holds it', t => {
  const announcing = (nodes: string, state: string) =>
    hex(`0683a44a6f696ec2a54e6f646573${nodes}ac5573657253746174654c656e${state}`);
  t.throws(() => new StreamReader().push(announcing('ce00100000', '00')), { code: 'malformed' });
  t.throws(() => new StreamReader().push(announcing('00', 'ce7fffffff')), { code: 'malformed' });
  const hugeNode = Buffer.concat([announcing('01', '00'), hex('81a44d657461db00100000'), Buffer.alloc(5000)]);
  t.throws(() => new StreamReader().push(hugeNode), { code: 'malformed', message: /too large/ });
  const whole = Buffer.concat([announcing('00', 'ce01000000')]);
  const reader = new StreamReader();
  reader.push(whole);
  for (let sent = 0; sent < 15; sent++) t.is(reader.push(Buffer.alloc(1 << 20)), undefined);
  t.is(reader.push(Buffer.alloc(1 << 20))?.type, 'pushPull');
});

test('StreamReader inflates a compressed message to no more than a stream may have', t => {
  const packed = (plain: Uint8Array, algorithm = 0) =>
    new MsgpackWriter()
      .byte(9)
      .map(2)
      .text('Algo')
      .unsigned(algorithm)
      .text('Buf')
      .raw(lzwEncode(plain))
      .bytes();
  const whole = encodePushPull({ join: true, nodes: someNodes(2) });
  const read = (bytes: Uint8Array) => new StreamReader().push(bytes);
  t.like(read(packed(whole)), { type: 'pushPull', join: true });
  t.deepEqual(read(packed(whole, 1)), { type: 'unserved', reason: 'compressed' });
  t.deepEqual(read(packed(packed(whole))), { type: 'unserved', reason: 'nested' });
  t.deepEqual(read(packed(new Uint8Array(20 * 1024 * 1024 + 1))), { type: 'unserved', reason: 'inflated' });
  t.throws(() => read(packed(whole.subarray(0, -1))), { code: 'malformed' });
});

test('StreamReader refuses a node whose state or address does not exist', t => {
  t.throws(() => new StreamReader().push(hex((HEADER + NODE).replace('537461746500', '537461746504'))), {
    code: 'malformed',
  });
  const withoutAddress = hex(`${HEADER}81a44e616d65a161`);
  t.throws(() => new StreamReader().push(withoutAddress), { code: 'malformed' });
});
