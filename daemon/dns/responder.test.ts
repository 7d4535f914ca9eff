import test from 'ava';
import { type Answer, type DecodedPacket, decode, encode, type Packet } from 'dns-packet';
import { type IpAddress, parseIp, parseVni } from '../../dataplane/address.ts';
import { DnsCounters } from './dns-counters.ts';
import type { Transport } from './exchange.ts';
import type { Forwarded } from './forwarder.ts';
import type { DnsQuery } from './query.ts';
import { type Asker, Responder } from './responder.ts';

const BLUE = { name: 'blue', vni: parseVni(42), subnets: ['198.18.0.0/24'] };

const NAMES: Readonly<Record<string, readonly string[]>> = {
  web: ['198.18.0.1', '198.18.0.2', '198.18.0.3'],
  many: Array.from({ length: 100 }, (_, i) => `198.18.0.${i}`),
};

interface RigOptions {
  readonly forward?: (query: DnsQuery, via: Transport) => Promise<Forwarded>;
  readonly random?: (limit: number) => number;
}

function rig({ forward = async () => 'silent', random = () => 0 }: RigOptions = {}) {
  const counters = new DnsCounters();
  const directory = {
    addressesOf: (_: number, name: string) => NAMES[name]?.map(parseIp),
    nameOf: (_: number, address: IpAddress) => (address === '198.18.0.1' ? 'web' : undefined),
  };
  const modules = { directory, forwarder: { forward }, counters, random };
  const responder = new Responder(modules, { domain: 'weft', ttl: 5 });
  const asker: Asker = { networks: [BLUE], pending: 0 };
  const ask = (bytes: Buffer, via: Transport = 'udp') => responder.answer(bytes, asker, via);
  return { ask, counters, asker };
}

function query(name: string, type = 'A', packet: Packet = {}): Buffer {
  const questions = [{ name, type: type as 'A' }];
  return encode({ type: 'query', id: 7, flags: 0x0100, questions, ...packet });
}

function read(
  bytes: Buffer | undefined,
): DecodedPacket & { readonly code: number; readonly data: unknown[] } {
  if (bytes === undefined) throw new Error('it is answered');
  const packet = decode(bytes);
  const data = (packet.answers ?? []).map(answer => ('data' in answer ? answer.data : undefined));
  return { ...packet, code: (packet.flags ?? 0) & 0xf, data };
}

test('addresses, with the TTL that was set, and by our own authority', async t => {
  const { ask, counters } = rig();
  const answer = read(await ask(query('Web.blue.weft')));
  t.deepEqual(answer.data, ['198.18.0.1', '198.18.0.2', '198.18.0.3']);
  t.like(answer, { code: 0, flag_aa: true, flag_ra: true, flag_rd: true, flag_tc: false });
  t.like(answer.answers?.[0], { name: 'Web.blue.weft', type: 'A', ttl: 5, class: 'IN' });
  t.deepEqual(read(await ask(query('1.0.18.198.in-addr.arpa', 'PTR'))).data, ['web.blue.weft']);
  t.like(counters, { queries: 2, answered: 2, forwarded: 0, drops: {} });
});

test('answers begin at another place each time, and all of them are there', async t => {
  const { ask } = rig({ random: limit => limit - 1 });
  t.deepEqual(read(await ask(query('web.blue.weft'))).data, ['198.18.0.3', '198.18.0.1', '198.18.0.2']);
  const fair = rig({ random: limit => Math.floor(limit * Math.random()) });
  const first = new Set<unknown>();
  for (let i = 0; i < 200; i++) {
    // As a resolver asks: both families, one after the other.
    first.add(read(await fair.ask(query('web.blue.weft'))).data[0]);
    await fair.ask(query('web.blue.weft', 'AAAA'));
  }
  t.is(first.size, 3);
});

test('of a name with very many addresses sixteen are told, and over UDP those that fit', async t => {
  const { ask } = rig({ random: () => 90 });
  const whole = read(await ask(query('many.blue.weft'), 'tcp'));
  t.is(whole.data.length, 16);
  t.is(whole.data[15], '198.18.0.5', 'over the end of the list');
  const long = `${'m'.repeat(50)}any`;
  t.is(read(await ask(query(`${long}.blue.weft`))).code, 3);
  const bytes = (await ask(query('many.blue.weft'))) ?? Buffer.alloc(0);
  t.true(bytes.length <= 512);
});

for (const [name, type, code, zone] of [
  ['web.blue.weft', 'AAAA', 0, 'weft'],
  ['nobody.blue.weft', 'A', 3, 'weft'],
  ['web.green.weft', 'A', 3, 'weft'],
  ['blue.weft', 'A', 0, 'weft'],
  ['9.0.18.198.in-addr.arpa', 'PTR', 3, '0.18.198.in-addr.arpa'],
] as const) {
  test(`nothing at ${name} ${type} is code ${code}, with how long that may be remembered (RFC 2308)`, async t => {
    const { code: told, answers, authorities } = read(await rig().ask(query(name, type)));
    t.deepEqual([told, answers, authorities?.length], [code, [], 1]);
    t.like(authorities?.[0], { name: zone, type: 'SOA', ttl: 5, data: { minimum: 5, mname: 'weft' } });
  });
}

test('the authority itself can be asked for', async t => {
  t.like(read(await rig().ask(query('weft', 'SOA'))), { code: 0, answers: [{ type: 'SOA', name: 'weft' }] });
});

test('what is not ours goes to others, and their answer comes back as it is', async t => {
  const records: Answer[] = [{ name: 'example.org', type: 'A', data: '192.0.2.80', ttl: 60 }];
  const given = encode({ type: 'response', id: 7, answers: records });
  const asked: string[] = [];
  const forward = async ({ name }: DnsQuery, via: Transport) => {
    asked.push(`${name} ${via}`);
    return given;
  };
  const { ask, counters, asker } = rig({ forward });
  t.deepEqual(await ask(query('Example.org')), given);
  await ask(query('example.org'), 'tcp');
  t.deepEqual(asked, ['example.org udp', 'example.org tcp']);
  t.like(counters, { queries: 2, answered: 0, forwarded: 2 });
  t.is(asker.pending, 0);
});

test('an answer of others that is too long for who asked is cut, and says so', async t => {
  const questions = [{ name: 'example.org', type: 'TXT' as const }];
  const records: Answer[] = [{ name: 'example.org', type: 'TXT', data: ['x'.repeat(255), 'y'.repeat(255)] }];
  const given = encode({ type: 'response', id: 7, questions, answers: records });
  const { ask } = rig({ forward: async () => given });
  t.like(read(await ask(query('example.org', 'TXT'))), { flag_tc: true, answers: [] });
  t.is(await ask(query('example.org', 'TXT'), 'tcp'), given);
});

test('a container has so many questions on their way, and no more', async t => {
  const release: (() => void)[] = [];
  const { ask, counters } = rig({
    forward: () => new Promise(resolve => release.push(() => resolve('silent'))),
  });
  const waiting = Array.from({ length: 128 }, () => ask(query('example.org')));
  t.is(read(await ask(query('example.org'))).code, 2);
  t.is(read(await ask(query('web.blue.weft'))).code, 0, 'what is known is answered');
  t.deepEqual(counters.drops, { busy: 1 });
  for (const go of release) go();
  for (const answer of await Promise.all(waiting)) t.is(read(answer).code, 2);
  t.deepEqual(counters.drops, { busy: 1, upstream: 128 });
});

test('the node has so many on their way', async t => {
  const { ask, counters } = rig({ forward: async () => 'busy' });
  t.is(read(await ask(query('example.org'))).code, 2);
  t.deepEqual(counters.drops, { busy: 1 });
});

test('what is no query is not answered, what cannot be read or done is told so', async t => {
  const { ask, counters } = rig();
  t.is(await ask(encode({ type: 'response', id: 7 })), undefined);
  t.is(read(await ask(Buffer.from('GET / HTTP/1.1'))).code, 4);
  t.is(await ask(Buffer.alloc(3)), undefined);
  t.is(read(await ask(query('web.blue.weft').subarray(0, 20))).code, 1);
  t.is(read(await ask(query('web.blue.weft', 'A', { flags: 0x2800 }))).code, 4);
  t.is(read(await ask(query('example.org', 'A', { flags: 0 }))).code, 5, 'without the wish for recursion');
  t.deepEqual(counters.drops, { malformed: 3, unsupported: 3 });
  t.is(counters.queries, 6);
});
