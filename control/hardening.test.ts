/** What somebody without a key, who can forge any source address, gets out of a node. */
import test from 'ava';
import { type IpAddress, parseIp } from '../dataplane/address.ts';
import { compress } from './compression.ts';
import { PROTOCOL_VERSION } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import { gossipKey } from './gossip-key.ts';
import { Keyring } from './keyring.ts';
import { encodeMessage, type Message } from './message.ts';
import { encodePacket } from './packet.ts';
import { encodeSerfMessage } from './serf/serf-message.ts';
import { Cluster } from './testing/cluster.ts';

const at = (address: string, port = 7946): Endpoint => ({ address: parseIp(address), port });
const VICTIM = at('10.66.0.1');
const MEMBER = at('10.0.0.2');

/** Two members; `sent` counts what the first one sends to each address. */
function target(keyring?: Keyring) {
  const cluster = new Cluster({ seed: 5 });
  const node = cluster.add({ name: 'a', ...(keyring && { keyring }) }).start();
  const other = cluster.add({ name: 'b', join: ['10.0.0.1'], ...(keyring && { keyring }) }).start();
  cluster.run(20_000);
  const sent = new Map<IpAddress, { datagrams: number; bytes: number }>();
  cluster.network.onDatagram = (from, to, bytes) => {
    if (from.address !== node.endpoint.address) return;
    const before = sent.get(to.address) ?? { datagrams: 0, bytes: 0 };
    sent.set(to.address, { datagrams: before.datagrams + 1, bytes: before.bytes + bytes.length });
  };
  const inject = (from: Endpoint, bytes: Uint8Array): number => {
    cluster.network.inject(from, node.endpoint, bytes);
    cluster.run(10);
    return bytes.length;
  };
  /** As from anywhere. */
  const forge = (from: Endpoint, ...messages: readonly Message[]): number =>
    inject(from, encodePacket(messages.map(encodeMessage)));
  return { cluster, node, other, sent, forge, inject };
}

const ping = (source: Endpoint | undefined, node = 'a', name = 'x'): Message => ({
  type: 'ping',
  sequence: 1,
  node,
  source: source && { ...source, node: name },
});

/** What our own rounds of gossip send one member in so long, at most, in bytes. */
const gossipIn = (seconds: number): number => (seconds * 1000 * 1400) / 200;

test('an answer goes to an address that a ping names only if a member is there or it came from there', t => {
  const { forge, sent } = target();
  const attacker = at('10.77.0.1', 5000);
  forge(attacker, ping(VICTIM));
  t.is(sent.get(VICTIM.address), undefined);
  t.is(sent.get(attacker.address)?.datagrams, 1);
  forge(attacker, ping(at('10.77.0.1', 6000)));
  t.is(sent.get(attacker.address)?.datagrams, 2);
});

test('nothing is sent to where a stranger points, and nothing is remembered of him', t => {
  const { forge, node, sent } = target();
  const indirect = (aim: Endpoint, source: Endpoint): Message => ({
    type: 'indirectPing',
    sequence: 9,
    target: aim.address,
    port: aim.port,
    node: 'x',
    nack: true,
    source: { ...source, node: 'x' },
  });
  const stranger = at('10.77.0.1');
  forge(stranger, indirect(VICTIM, stranger));
  forge(MEMBER, indirect(VICTIM, MEMBER));
  forge(stranger, indirect(MEMBER, stranger));
  t.is(sent.get(VICTIM.address), undefined);
  t.is(sent.get(stranger.address), undefined);
  t.is(node.counters.report().drops.stranger, 3);
});

test('a stranger gets no more than he has sent, whatever there is to tell', t => {
  const { forge, node, sent } = target();
  let cause = 0;
  for (let round = 0; round < 500; round++) {
    node.setTags(new Map([['round', 'x'.repeat(300 + (round % 7))]]));
    cause += forge(VICTIM, ping(VICTIM), { type: 'suspect', node: 'b', incarnation: 0, from: 'z' });
  }
  t.true((sent.get(VICTIM.address)?.bytes ?? 0) <= cause);
});

test('answers to somebody who passes himself off as a member are larger than their causes by a little only', t => {
  const { cluster, forge, node, sent } = target();
  // Nobody else is told meanwhile: what is counted is answers.
  const started = cluster.clock.now();
  let cause = 0;
  for (let round = 0; round < 1000; round++) {
    node.setTags(new Map([['round', `${round} ${'x'.repeat(400)}`]]));
    cause += forge(MEMBER, ping(MEMBER));
  }
  const seconds = (cluster.clock.now() - started) / 1000;
  const excess = (sent.get(MEMBER.address)?.bytes ?? 0) - cause - gossipIn(seconds);
  t.true(excess <= 32_768 * (1 + seconds), `${excess} in ${seconds} s`);
});

test('answers to queries of serf are larger than their causes by as little', t => {
  const { cluster, forge, other, sent } = target();
  other.setTags(new Map([['about', 'x'.repeat(490)]]));
  cluster.run(10_000);
  sent.clear();
  const started = cluster.clock.now();
  let cause = 0;
  for (let id = 0; id < 2000; id++) {
    const body = encodeSerfMessage({
      type: 'query',
      time: 1 + id,
      id,
      asker: MEMBER,
      askerName: 'b',
      filters: [],
      // No broadcast: what is counted is answers.
      flags: 2,
      name: '_serf_conflict',
      payload: Buffer.from('b'),
      timeout: 1000,
    });
    cause += forge(MEMBER, { type: 'user', body });
  }
  const seconds = (cluster.clock.now() - started) / 1000;
  const { bytes = 0, datagrams = 0 } = sent.get(MEMBER.address) ?? {};
  t.true(datagrams > 100, 'they are answered at all');
  const excess = bytes - cause;
  t.true(excess <= 32_768 * (1 + seconds), `${excess} in ${seconds} s`);
});

test('many messages in one datagram are one cause', t => {
  const { inject, sent } = target();
  let cause = 0;
  const pings = encodePacket(Array.from({ length: 120 }, () => encodeMessage(ping(VICTIM))));
  for (let round = 0; round < 200; round++) cause += inject(VICTIM, compress(pings));
  const { bytes = 0 } = sent.get(VICTIM.address) ?? {};
  t.true(bytes > 0);
  t.true(bytes <= cause + 32_768 * 3, `${bytes} for ${cause}`);
});

test('pings for others that one datagram asks for are no larger than it by much either', t => {
  const { inject, node, sent } = target();
  const request: Message = {
    type: 'indirectPing',
    sequence: 9,
    target: MEMBER.address,
    port: MEMBER.port,
    node: 'b',
    nack: false,
    source: { ...MEMBER, node: 'b' },
  };
  const requests = compress(encodePacket(Array.from({ length: 120 }, () => encodeMessage(request))));
  let cause = 0;
  for (let round = 0; round < 200; round++) cause += inject(MEMBER, requests);
  const { bytes = 0, datagrams = 0 } = sent.get(MEMBER.address) ?? {};
  t.true(datagrams > 200, 'they are made at all');
  // For 60 bytes of ping there may be 22 of ack.
  const pings = (bytes * 60) / 82;
  t.true(pings <= cause + 32_768 * 3, `${bytes} for ${cause}`);
  t.true((node.counters.report().drops.overload ?? 0) > 0);
});

test('nobody is asked for our name because of somebody elsewhere', t => {
  const { cluster, forge, node, sent } = target();
  forge(at('10.77.0.1'), ping(VICTIM, 'a', 'a'));
  forge(MEMBER, ping(VICTIM, 'a', 'a'));
  cluster.run(5000);
  t.is(sent.get(VICTIM.address), undefined);
  t.deepEqual(
    node.logged.filter(({ message }) => /our name/.test(message)),
    [],
  );
});

for (const [what, forged] of [
  ['pings', (victim: Endpoint) => ping(victim, 'a', 'a')],
  [
    'news',
    (victim: Endpoint): Message => ({
      type: 'alive',
      node: 'a',
      ...victim,
      incarnation: 1,
      meta: new Uint8Array(0),
      version: PROTOCOL_VERSION,
    }),
  ],
] as const) {
  test(`forged ${what} in our own name have us ask a few addresses, and nobody takes us for gone`, t => {
    const { cluster, forge, node, other, sent } = target();
    node.logged.length = 0;
    const before = other.events.length;
    for (let count = 0; count < 3000; count++) {
      const victim = at(`10.66.${count >> 8}.${count & 0xff}`);
      forge(victim, forged(victim));
    }
    const seconds = 30;
    cluster.run(15_000);
    const asked = [...sent].filter(([address]) => address.startsWith('10.66.'));
    // What answers their pings is no larger than these.
    const pings = asked.reduce((sum, [, { datagrams }]) => sum + datagrams, what === 'pings' ? -3000 : 0);
    t.true(pings > 0 && pings <= (1 + seconds / 10) * 32 * 4, `${pings} pings`);
    t.true(node.logged.length <= (1 + seconds / 10) * 32 * 2, `${node.logged.length} lines`);
    t.true((node.counters.report().drops.overload ?? 0) > 0);
    t.deepEqual(
      other.events.slice(before).map(({ type }) => type),
      [],
      'b does not see it leave',
    );
    t.is(other.sees('a')?.address, node.endpoint.address);
    t.is(other.sees('a')?.state, 'alive');
  });
}

test('what a pool with a key cannot open is not answered and leaves nothing behind', t => {
  const ring = new Keyring([gossipKey(new Uint8Array(16).fill(1))]);
  const { cluster, forge, node, sent } = target(ring);
  const before = JSON.stringify(node.counters.report().received);
  const stranger = at('10.77.0.1');
  cluster.network.conditions = { ...cluster.network.conditions, loss: 0 };
  const meta = new Uint8Array(0);
  forge(stranger, ping(stranger), {
    type: 'alive',
    node: 'x',
    ...stranger,
    incarnation: 1,
    meta,
    version: PROTOCOL_VERSION,
  });
  t.is(sent.get(stranger.address), undefined);
  t.is(node.sees('x'), undefined);
  t.is(JSON.stringify(node.counters.report().received), before);
});
