import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { MsgpackWriter } from '../msgpack.ts';
import { randomInteger, seededRandom } from '../random.ts';
import {
  decodeKeyRequest,
  decodeKeyResponse,
  decodeSerfMessage,
  encodeKeyRequest,
  encodeKeyResponse,
  encodeSerfMessage,
  type Intent,
  passesFilters,
  type Query,
  type QueryResponse,
} from './serf-message.ts';
import { decodeUserState, encodeUserState } from './user-state.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const nodeFilter = (names: readonly string[]) => {
  const writer = new MsgpackWriter().byte(0).array(names.length);
  for (const name of names) writer.text(name);
  return writer.bytes();
};
const asker = { address: parseIp('127.0.0.1'), port: 17_946 };
const ask = { type: 'query', asker, askerName: 'j1', flags: 1, payload: hex('78'), timeout: 1000 } as const;

/** Captured from serf 0.9.4. */
const GOLDEN: readonly [string, string, Intent | Query | QueryResponse][] = [
  ['join', '0182a54c54696d6501a44e6f6465a26a31', { type: 'join', time: 1, node: 'j1' }],
  ['leave', '0083a54c54696d6502a44e6f6465a26a32a55072756e65c2', { type: 'leave', time: 2, node: 'j2' }],
  [
    'a query for one node',
    '048ba441646472a47f000001a746696c7465727391a40091a177a5466c61677301a24944ce702222e9a54c54696d6501a44e616d65a46c6f6164a75061796c6f6164a178a4506f7274cd461aab52656c6179466163746f7200aa536f757263654e6f6465a26a31a754696d656f7574ce3b9aca00',
    { ...ask, time: 1, id: 0x702222e9, name: 'load', filters: [nodeFilter(['w'])] },
  ],
  [
    'a query for a tag',
    '048ba441646472a47f000001a746696c7465727391b30182a445787072a22e2aa3546167a4726f6c65a5466c61677301a24944ce330e0dc9a54c54696d6502a44e616d65a46c6f6164a75061796c6f6164a178a4506f7274cd461aab52656c6179466163746f7200aa536f757263654e6f6465a26a31a754696d656f7574ce3b9aca00',
    {
      ...ask,
      time: 2,
      id: 0x330e0dc9,
      name: 'load',
      filters: [hex('0182a445787072a22e2aa3546167a4726f6c65')],
    },
  ],
  [
    'a query for the keys',
    '048ba441646472a47f000001a746696c74657273c0a5466c61677300a24944ce2b8b18b6a54c54696d6503a44e616d65af5f736572665f6c6973742d6b657973a75061796c6f6164a70781a34b6579a0a4506f7274cd461aab52656c6179466163746f7200aa536f757263654e6f6465a26a31a754696d656f7574cebebc2000',
    {
      ...ask,
      time: 3,
      id: 0x2b8b18b6,
      flags: 0,
      name: '_serf_list-keys',
      filters: [],
      payload: encodeKeyRequest(new Uint8Array(0)),
      timeout: 3200,
    },
  ],
];

for (const [name, bytes, message] of GOLDEN) {
  test(`decodeSerfMessage and encodeSerfMessage agree with serf on ${name}`, t => {
    t.deepEqual(decodeSerfMessage(hex(bytes)), message);
    t.is(toHex(encodeSerfMessage(message)), bytes);
  });

  test(`decodeSerfMessage refuses ${name} cut at every length`, t => {
    for (let length = 1; length < bytes.length / 2; length++) {
      t.throws(() => decodeSerfMessage(hex(bytes).subarray(0, length)), { code: 'malformed' });
    }
  });
}

test('decodeSerfMessage reads a user event of serf, and knows what it does not know', t => {
  const event = '0384a24343c3a54c54696d6501a44e616d65a66465706c6f79a75061796c6f6164a27631';
  t.deepEqual(decodeSerfMessage(hex(event)), {
    type: 'userEvent',
    time: 1,
    name: 'deploy',
    payload: hex('7631'),
  });
  for (const type of [2, 6, 9, 200]) t.is(decodeSerfMessage(Uint8Array.of(type, 0x80)), undefined);
  t.is(decodeSerfMessage(Uint8Array.of()), undefined);
});

test('an answer, a key request and a key response survive both ways', t => {
  const response: QueryResponse = {
    type: 'queryResponse',
    time: 7,
    id: 9,
    from: 'a',
    flags: 0,
    payload: hex('0102'),
  };
  t.deepEqual(decodeSerfMessage(encodeSerfMessage(response)), response);
  t.is(toHex(encodeKeyRequest(hex(''))), '0781a34b6579a0');
  t.deepEqual(decodeKeyRequest(encodeKeyRequest(hex('0102'))), hex('0102'));
  for (const keys of [[], ['AA==', 'BB==']]) {
    const answer = { result: true, message: 'm', keys, primary: 'AA==' };
    t.deepEqual(decodeKeyResponse(encodeKeyResponse(answer)), answer);
  }
});

test('a Lamport time from which nobody could count on is refused', t => {
  const message: Intent = { type: 'leave', time: 2 ** 48, node: 'a' };
  t.deepEqual(decodeSerfMessage(encodeSerfMessage(message)), message);
  const beyond = encodeSerfMessage({ ...message, time: 2 ** 48 + 2 });
  t.throws(() => decodeSerfMessage(beyond), { code: 'malformed' });
});

test('passesFilters wants the name in each list, and never a tag', t => {
  t.true(passesFilters([], 'a'));
  t.true(passesFilters([nodeFilter(['b', 'a']), nodeFilter(['a'])], 'a'));
  t.false(passesFilters([nodeFilter(['b', 'a']), nodeFilter(['b'])], 'a'));
  t.false(passesFilters([hex('0182a445787072a22e2aa3546167a4726f6c65')], 'a'));
  t.throws(() => passesFilters([Uint8Array.of(0, 0x91)], 'a'), { code: 'malformed' });
});

test('the user state of serf is read, and ours is of its kind', t => {
  const events = `dc0200${'c0'.repeat(512)}`;
  const state = `0286aa4576656e744c54696d6502a64576656e7473${events}a54c54696d6503ab4c6566744d656d6265727391a26a32aa51756572794c54696d6504ac5374617475734c54696d657383a26a3101a26a3202a17700`;
  t.deepEqual(decodeUserState(hex(state)), { member: 3, event: 2, query: 4 });
  const times = { member: 30, event: 20, query: 4000 };
  t.deepEqual(decodeUserState(encodeUserState(times)), times);
  for (const other of ['', '03', '02', '0281', '0281a54c54696d65a131'])
    t.is(decodeUserState(hex(other)), undefined);
});

test('decodeSerfMessage throws malformed and nothing else, whatever it gets', t => {
  const random = seededRandom(8);
  for (let round = 0; round < 20_000; round++) {
    const [, bytes] = GOLDEN[randomInteger(random, GOLDEN.length)] ?? [];
    const mutated = hex(bytes ?? '');
    for (let change = 0; change < 3; change++)
      mutated[randomInteger(random, mutated.length)] = randomInteger(random, 256);
    try {
      const message = decodeSerfMessage(mutated);
      if (message?.type === 'query') passesFilters(message.filters, 'w');
    } catch (error) {
      if ((error as { readonly code?: string }).code !== 'malformed') t.fail(String(error));
    }
  }
  t.pass();
});
