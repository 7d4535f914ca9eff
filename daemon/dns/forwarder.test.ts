import test from 'ava';
import { decode, encode } from 'dns-packet';
import type { UpstreamServer } from './dns-config.ts';
import type { Exchange, Question } from './exchange.ts';
import { Forwarder } from './forwarder.ts';
import { type DnsQuery, parseQuery } from './query.ts';

const SERVERS: readonly UpstreamServer[] = ['192.0.2.53', '192.0.2.54'].map(address => ({
  address,
  port: 53,
}));

function queryFor(name: string): DnsQuery {
  const bytes = encode({ type: 'query', id: 0x1111, flags: 0x0100, questions: [{ name, type: 'A' }] });
  const parsed = parseQuery(bytes);
  if (parsed.kind !== 'query') throw new Error('it is a query');
  return parsed.query;
}

function answerTo(message: Buffer): Buffer {
  const { id, questions = [] } = decode(message);
  const answers = [{ name: 'example.org', type: 'A', data: '192.0.2.80', ttl: 60 } as const];
  return encode({ type: 'response', id: id ?? 0, questions, answers });
}

function rig(exchange: Exchange, servers = SERVERS) {
  let id = 0x2222;
  return new Forwarder({ servers: { list: async () => servers }, exchange, randomId: () => id++ });
}

test('forward: the question goes out under an id of ours, and the answer comes back under theirs', async t => {
  const asked: Question[] = [];
  const forwarder = rig(async question => {
    asked.push(question);
    return answerTo(question.message);
  });
  const query = queryFor('Example.org');
  const answer = await forwarder.forward(query, 'tcp');
  t.like(asked[0], { server: SERVERS[0], via: 'tcp', timeoutMs: 2250 });
  t.is(asked[0]?.message.readUInt16BE(0), 0x2222);
  t.deepEqual(asked[0]?.message.subarray(2), query.bytes.subarray(2), 'all else is as it was');
  t.like(decode(answer as Buffer), { id: 0x1111, questions: [{ name: 'Example.org' }] });
});

test('forward: who does not answer is followed by the next, which is then asked first', async t => {
  const asked: string[] = [];
  const forwarder = rig(async ({ server, message }) => {
    asked.push(server.address);
    if (server === SERVERS[0]) throw new Error('silent');
    return answerTo(message);
  });
  for (const _ of [1, 2]) await forwarder.forward(queryFor('example.org'), 'udp');
  t.deepEqual(asked, ['192.0.2.53', '192.0.2.54', '192.0.2.54']);
});

test('forward: nobody answers, or there is nobody', async t => {
  const silent = async () => Promise.reject(new Error('silent'));
  t.is(await rig(silent).forward(queryFor('example.org'), 'udp'), 'silent');
  t.is(await rig(silent, []).forward(queryFor('example.org'), 'udp'), 'silent');
});

test('forward: so many are on their way at one time, and no more', async t => {
  const release: (() => void)[] = [];
  const forwarder = rig(
    ({ message }) => new Promise(resolve => release.push(() => resolve(answerTo(message)))),
  );
  const waiting = Array.from({ length: 512 }, () => forwarder.forward(queryFor('example.org'), 'udp'));
  t.is(await forwarder.forward(queryFor('example.org'), 'udp'), 'busy');
  for (const go of release) go();
  await Promise.all(waiting);
  const last = forwarder.forward(queryFor('example.org'), 'udp');
  await Promise.resolve();
  release.at(-1)?.();
  t.true(Buffer.isBuffer(await last));
});

test('forward: what is no answer to this question is not taken for one', async t => {
  const query = queryFor('example.org');
  const verdicts = new Map<string, boolean>();
  const forwarder = rig(async ({ message, isAnswer }) => {
    const good = answerTo(message);
    const withWord = (at: number, value: number) => {
      const bytes = Buffer.from(good);
      bytes.writeUInt16BE(value, at);
      return bytes;
    };
    const other = decode(message);
    const refusal = Buffer.alloc(12);
    refusal.writeUInt16BE(other.id ?? 0, 0);
    refusal.writeUInt16BE(0x8001, 2);
    const questions = [{ name: 'EXAMPLE.org', type: 'A' } as const];
    for (const [what, bytes] of Object.entries({
      good,
      'in another case': encode({ type: 'response', id: other.id ?? 0, questions }),
      'a refusal without the question': refusal,
      'another id': withWord(0, 0x3333),
      'a query': withWord(2, 0x0100),
      'no question, and no refusal': withWord(4, 0),
      'another name': encode({
        type: 'response',
        id: other.id ?? 0,
        questions: [{ name: 'example.net', type: 'A' }],
      }),
      'another type': encode({
        type: 'response',
        id: other.id ?? 0,
        questions: [{ name: 'example.org', type: 'MX' }],
      }),
      'a header alone': good.subarray(0, 12),
      'half a header': good.subarray(0, 6),
      nothing: Buffer.alloc(0),
    }))
      verdicts.set(what, isAnswer(bytes));
    return good;
  });
  await forwarder.forward(query, 'udp');
  t.deepEqual(
    [...verdicts].filter(([, taken]) => taken).map(([what]) => what),
    ['good', 'in another case', 'a refusal without the question'],
  );
});
