import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type IpAddress, parseIp } from '../dataplane/address.ts';
import { type Clock, delay, systemClock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import type { GossipProfile } from './constants.ts';
import type { GossipEvent } from './events.ts';
import { Gossip, type GossipOptions } from './gossip.ts';
import { gossipKey, keyText } from './gossip-key.ts';
import { Keyring } from './keyring.ts';
import { randomInteger, seededRandom, systemRandom } from './random.ts';
import { encodePushPull } from './stream.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

async function start(
  t: ExecutionContext,
  options: Partial<GossipOptions> & { readonly name: string },
  clock: Clock = systemClock,
) {
  const gossip = new Gossip(
    { clock, random: systemRandom, log },
    { address: parseIp('127.0.0.1'), port: 0, join: [], tags: new Map([['role', 'weft']]), ...options },
  );
  const events: GossipEvent[] = [];
  gossip.onEvent(event => events.push(event));
  t.teardown(() => gossip.close());
  await gossip.start();
  return { gossip, events, port: gossip.self()?.port ?? 0 };
}

async function until(condition: () => boolean, ms: number): Promise<boolean> {
  for (const end = systemClock.now() + ms; systemClock.now() < end; ) {
    if (condition()) return true;
    await delay(systemClock, 10);
  }
  return condition();
}

/** Two members of one pool at these addresses, on one port. */
async function pair(t: ExecutionContext, first: IpAddress, second: IpAddress) {
  const a = await start(t, { name: 'a', address: first });
  const b = await start(t, {
    name: 'b',
    address: second,
    join: [first.includes(':') ? `[${first}]:${a.port}` : `${first}:${a.port}`],
    tags: new Map([['vnis', '42']]),
  });
  const stateOf = (of: typeof a, name: string) =>
    of.gossip.members().find(member => member.name === name)?.state;
  const joined = await until(() => stateOf(a, 'b') === 'alive' && stateOf(b, 'a') === 'alive', 5000);
  t.true(joined, 'both see each other alive');
  return { a, b, stateOf };
}

test('Gossip: two nodes on real sockets see each other, tags change, a leave is left at once', async t => {
  const { a, b, stateOf } = await pair(t, parseIp('127.0.0.1'), parseIp('127.0.0.2'));
  const tagOf = () => a.gossip.members()[0]?.tags.get('vnis');
  t.is(tagOf(), '42');
  b.gossip.setTags(new Map([['vnis', '42,50-60']]));
  t.true(await until(() => tagOf() === '42,50-60', 3000));
  t.throws(() => b.gossip.setTags(new Map([['k', 'x'.repeat(600)]])), { code: 'invalid_argument' });
  t.true(await until(() => (a.gossip.members()[0]?.lastSeen ?? 0) > systemClock.now() - 2000, 3000));
  t.true(await until(() => a.gossip.members()[0]?.contact.health === 'good', 3000), 'a probe was acked');
  const rtt = a.gossip.members()[0]?.contact.rtt ?? 0;
  t.true(rtt > 0 && rtt < 500, `${rtt} ms`);
  t.like(a.gossip.report(), { isEncrypted: false });
  const leaving = b.gossip.leave();
  t.true(await until(() => stateOf(a, 'b') === 'left', 500), 'left at once');
  await leaving;
  await b.gossip.close();
  t.deepEqual(
    a.events.map(({ type }) => type),
    ['memberUp', 'memberUpdated', 'memberLeft'],
  );
});

test('Gossip: a stall of the event loop feeds the health score', async t => {
  const { gossip } = await start(t, { name: 'a' });
  // Nobody else is there who could lower it, or raise it. One stall may be missed (loop-delay.ts); each begins at another part of a period.
  const isSeen = () => gossip.report().healthScore > 0;
  for (let stalls = 0; stalls < 8 && !isSeen(); stalls++) {
    await delay(systemClock, 250);
    for (const end = systemClock.now() + 500; systemClock.now() < end; );
    await until(isSeen, 1500);
  }
  t.true(isSeen());
});

test('Gossip: two nodes over IPv6', async t => {
  const { a } = await pair(t, parseIp('::1'), parseIp('::1'));
  t.is(a.gossip.members()[0]?.address, parseIp('::1'));
});

test('Gossip: a node whose process dies is suspect within seconds, then dead', async t => {
  const { a, b, stateOf } = await pair(t, parseIp('127.0.0.1'), parseIp('127.0.0.2'));
  await b.gossip.close();
  t.true(await until(() => stateOf(a, 'b') === 'suspect', 5000));
  t.true(await until(() => stateOf(a, 'b') === 'dead', 10_000));
});

test('Gossip: a duplicate name ends the newcomer and not the one who has it', async t => {
  const { a, b } = await pair(t, parseIp('127.0.0.1'), parseIp('127.0.0.2'));
  const twin = await start(t, { name: 'b', address: parseIp('127.0.0.3'), join: [`127.0.0.1:${a.port}`] });
  t.true(await until(() => twin.events.some(({ type }) => type === 'nameConflict'), 5000));
  t.deepEqual(twin.events.at(-1), { type: 'nameConflict', name: 'b', address: `127.0.0.2:${b.port}` });
  t.deepEqual(
    b.events.filter(({ type }) => type === 'nameConflict'),
    [],
  );
  t.is(a.gossip.members()[0]?.address, parseIp('127.0.0.2'));
});

test('Gossip: a port that is taken is a conflict that names gossip.port, and nothing stays bound', async t => {
  const { port } = await start(t, { name: 'a' });
  const error = await t.throwsAsync(start(t, { name: 'b', port }), {
    instanceOf: WeftError,
    code: 'conflict',
  });
  t.regex(error?.line ?? '', /gossip cannot bind TCP 127\.0\.0\.1:\d+: the port is in use; .*gossip\.port/);

  const socket = createSocket('udp4');
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.4', () => resolve()));
  const taken = socket.address().port;
  const address = parseIp('127.0.0.4');
  await t.throwsAsync(start(t, { name: 'c', address, port: taken }), { code: 'conflict', message: /UDP/ });
  await new Promise<void>(resolve => socket.close(() => resolve()));
  await start(t, { name: 'd', address, port: taken });
});

test('Gossip: an address that is not ours, and options that cannot be meant, are refused with a hint', async t => {
  await t.throwsAsync(start(t, { name: 'a', address: parseIp('203.0.113.77') }), { code: 'unavailable' });
  for (const options of [
    { name: '' },
    { name: 'a\nb' },
    { name: 'x'.repeat(129) },
    { name: 'a', address: parseIp('0.0.0.0') },
    { name: 'a', join: ['not an address'] },
    { name: 'a', tags: new Map([['k', 'x'.repeat(600)]]) },
  ]) {
    const error = await t.throwsAsync(start(t, options), { instanceOf: WeftError, code: 'invalid_argument' });
    t.truthy(error?.hint);
  }
});

test('Gossip: a name that does not resolve is a failed try, and localhost resolves', async t => {
  const a = await start(t, { name: 'a' });
  const b = await start(t, {
    name: 'b',
    address: parseIp('127.0.0.2'),
    join: ['no-such-host.invalid', `localhost:${a.port}`],
  });
  t.true(await until(() => b.gossip.members().length === 1, 5000));
});

test('Gossip: random bytes to both ports do no harm and are counted', async t => {
  const { a, stateOf } = await pair(t, parseIp('127.0.0.1'), parseIp('127.0.0.2'));
  const random = seededRandom(4);
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => randomInteger(random, 256)));
  const socket = createSocket('udp4');
  for (let sent = 0; sent < 2000; sent++) {
    await new Promise<void>(resolve => {
      socket.send(bytes(randomInteger(random, 100)), a.port, '127.0.0.1', () => resolve());
    });
  }
  socket.close();
  const streams = Array.from({ length: 40 }, async (_, index) => {
    const stream = connect(a.port, '127.0.0.1');
    stream.on('error', () => undefined);
    const body = Buffer.concat([Uint8Array.of(index % 15), bytes(200)]);
    await new Promise<void>(resolve => {
      stream.on('close', () => resolve());
      stream.end(body);
      stream.resume();
    });
  });
  await Promise.all(streams);
  const { drops } = a.gossip.counters();
  t.true((drops.unknownType ?? 0) > 500, JSON.stringify(drops));
  t.true((drops.malformed ?? 0) > 10, JSON.stringify(drops));
  t.true((drops.streamMalformed ?? 0) > 1, JSON.stringify(drops));
  t.is(stateOf(a, 'b'), 'alive');
});

test('Gossip: streams are bounded in number and in time', async t => {
  const a = await start(t, { name: 'a', profile: { streamTimeout: 3000 } });
  const open = Array.from({ length: 140 }, (_, index) => {
    const localAddress = `127.0.1.${1 + (index % 5)}`;
    const stream = connect({ port: a.port, host: '127.0.0.1', localAddress });
    stream.on('error', () => undefined);
    return { stream, closed: new Promise<void>(resolve => stream.on('close', () => resolve())) };
  });
  t.true(await until(() => (a.gossip.counters().drops.streamLimit ?? 0) === 12, 3000));
  // A byte now and then, of a request that is not wrong so far, buys no time.
  const request = encodePushPull({ join: true, nodes: [] });
  const dripping = async () => {
    for (let at = 0; at < 20; at++) {
      for (const { stream } of open) if (stream.writable) stream.write(request.subarray(at, at + 1));
      await delay(systemClock, 50);
    }
  };
  await Promise.all([dripping(), ...open.map(({ closed }) => closed)]);
  t.is(a.gossip.counters().drops.streamTimeout, 128);
  const b = await start(t, { name: 'b', address: parseIp('127.0.0.2'), join: [`127.0.0.1:${a.port}`] });
  t.true(await until(() => b.gossip.members().length === 1, 5000), 'free again');
});

test('Gossip: a key that not all have is not used, and one that is used is not removed', async t => {
  const [first, second] = [1, 2].map(fill => gossipKey(new Uint8Array(16).fill(fill)));
  if (first === undefined || second === undefined) throw new Error('no keys');
  const rings = [new Keyring([first, second]), new Keyring([first])];
  const a = await start(t, { name: 'a', keyring: rings[0] });
  const b = await start(t, {
    name: 'b',
    address: parseIp('127.0.0.2'),
    keyring: rings[1],
    join: [`127.0.0.1:${a.port}`],
  });
  t.true(await until(() => a.gossip.members().length === 1 && b.gossip.members().length === 1, 5000));
  t.true(a.gossip.report().isEncrypted);
  const use = await t.throwsAsync(a.gossip.changeKeys('use', second.fingerprint), { code: 'conflict' });
  t.is(use?.message, `key ${second.fingerprint} is not on b`);
  rings[1]?.add(second);
  rings[1]?.use(second);
  const remove = await t.throwsAsync(a.gossip.changeKeys('remove', keyText(second)), { code: 'conflict' });
  t.is(remove?.message, `key ${second.fingerprint} is in use on b`);
  t.is(rings[0]?.all().length, 2);
  await t.throwsAsync(a.gossip.changeKeys('add', first.fingerprint.replaceAll(/./g, '0')), {
    code: 'not_found',
  });
  await t.throwsAsync(a.gossip.changeKeys('add', 'nonsense'), { code: 'invalid_argument' });
  const open = await start(t, { name: 'open', address: parseIp('127.0.0.3') });
  await t.throwsAsync(open.gossip.changeKeys('list'), { code: 'unavailable' });
});

/** A member of a pool of two whose keys are both on both, just after the other one, b, has crashed; its time runs eight times as fast. */
async function widowed(t: ExecutionContext, host: number, profile: Partial<GossipProfile>) {
  const speed = 8;
  const clock: Clock = {
    ...systemClock,
    now: () => speed * systemClock.now(),
    after: (ms, callback) => systemClock.after(ms / speed, callback),
  };
  const keys = [1, 2].map(fill => gossipKey(new Uint8Array(16).fill(fill)));
  const keyring = () => new Keyring(keys);
  const address = (last: number) => parseIp(`127.0.0.${last}`);
  const a = await start(t, { name: 'a', address: address(host), profile, keyring: keyring() }, clock);
  const join = [`127.0.0.${host}:${a.port}`];
  const b = await start(t, { name: 'b', address: address(host + 1), keyring: keyring(), join });
  t.true(await until(() => a.gossip.members().length === 1, 5000));
  await b.gossip.close();
  return { gossip: a.gossip, fingerprint: keys[1]?.fingerprint ?? '' };
}

test('Gossip: keys are neither used nor removed while a member that is up does not say which it has', async t => {
  const { gossip, fingerprint } = await widowed(t, 25, { suspicionMult: 1000 });
  for (const operation of ['use', 'remove'] as const) {
    const refusal = await t.throwsAsync(gossip.changeKeys(operation, fingerprint), { code: 'unavailable' });
    t.is(refusal?.message, 'it is not known which keys these have: b (it does not answer)');
  }
  const [own] = await gossip.changeKeys('list');
  t.is(own?.keys.length, 2);
  t.not(own?.primary, fingerprint);
});

test('Gossip: a member that is found dead meanwhile is in the way of no change of keys', async t => {
  const { gossip, fingerprint } = await widowed(t, 27, {
    probeInterval: 300,
    probeTimeout: 150,
    suspicionMult: 1,
  });
  const answers = await gossip.changeKeys('use', fingerprint);
  t.deepEqual(
    answers.map(({ node, ok }) => [node, ok]),
    [['a', true]],
  );
});

test('Gossip: one address has no more than its part of the streams', async t => {
  const a = await start(t, { name: 'a', profile: { streamTimeout: 3000 } });
  const streams = Array.from({ length: 40 }, () => {
    const stream = connect({ port: a.port, host: '127.0.0.1', localAddress: '127.0.2.1' });
    stream.on('error', () => undefined);
    return new Promise<void>(resolve => stream.on('close', () => resolve()));
  });
  t.true(await until(() => (a.gossip.counters().drops.streamLimit ?? 0) === 8, 2500));
  const b = await start(t, { name: 'b', address: parseIp('127.0.0.2'), join: [`127.0.0.1:${a.port}`] });
  t.true(await until(() => b.gossip.members().length === 1, 2500), 'others are served');
  await Promise.all(streams);
});

test('Gossip: with the wan profile two nodes on real sockets see each other, and a leave is left at once', async t => {
  const a = await start(t, { name: 'a', address: parseIp('127.0.0.21'), profileName: 'wan' });
  const join = [`127.0.0.21:${a.port}`];
  const b = await start(t, { name: 'b', address: parseIp('127.0.0.22'), profileName: 'wan', join });
  const stateOf = (of: typeof a, name: string) =>
    of.gossip.members().find(member => member.name === name)?.state;
  t.true(await until(() => stateOf(a, 'b') === 'alive' && stateOf(b, 'a') === 'alive', 10_000));
  await b.gossip.leave();
  t.true(await until(() => stateOf(a, 'b') === 'left', 3000));
});

test('Gossip: a hint comes with the name of the member who sent it, and none of a stranger is taken', async t => {
  const hints: string[] = [];
  const takeHint = (from: string, hint: Uint8Array): void => {
    hints.push(`${from} ${Buffer.from(hint).toString('hex')}`);
  };
  const a = await start(t, { name: 'a', address: parseIp('127.0.0.23'), takeHint });
  const join = [`127.0.0.23:${a.port}`];
  const b = await start(t, { name: 'b', address: parseIp('127.0.0.24'), join });
  t.true(await until(() => b.gossip.members().some(({ name }) => name === 'a'), 5000));
  const to = { address: parseIp('127.0.0.23'), port: a.port };
  t.true(
    await until(() => {
      b.gossip.sendHint(to, Uint8Array.of(1, 2));
      return hints.length > 0;
    }, 5000),
  );
  t.is(hints[0], 'b 0102');
  const stranger = createSocket('udp4');
  t.teardown(() => stranger.close());
  // 08: a user message; c8: weft's own.
  stranger.send(Uint8Array.of(8, 200, 1, 2), to.port, to.address);
  t.true(await until(() => a.gossip.counters().drops.stranger === 1, 5000));
  t.true(hints.every(hint => hint === 'b 0102'));
});
