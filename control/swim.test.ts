import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { WAN_PROFILE } from './constants.ts';
import type { DropReason } from './counters.ts';
import { encodeMessage, type Message } from './message.ts';
import { decodePacket, encodePacket } from './packet.ts';
import { randomInteger, seededRandom } from './random.ts';
import { encodePushPull } from './stream.ts';
import { Cluster, type SimulatedNode } from './testing/cluster.ts';

/** A pool of `size` nodes n1, n2, … that has found itself. */
function pool(size: number, options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}) {
  const cluster = new Cluster({ seed: 1, ...options });
  cluster.addPool(size, { spread: 100 });
  cluster.run(100);
  cluster.runUntil(() => cluster.disagreements().length === 0, 20_000);
  const node = (number: number): SimulatedNode => {
    const found = cluster.nodes[number - 1];
    if (found === undefined) throw new Error(`no node ${number}`);
    return found;
  };
  return { cluster, node };
}

test('Swim: two nodes, one of which knows the other, see each other alive with tags', t => {
  const cluster = new Cluster({ seed: 1 });
  const a = cluster
    .add({
      name: 'a',
      tags: new Map([
        ['role', 'weft'],
        ['vnis', '42'],
      ]),
    })
    .start();
  const b = cluster.add({ name: 'b', join: ['10.0.0.1'] }).start();
  t.not(
    cluster.runUntil(() => a.sees('b')?.state === 'alive' && b.sees('a')?.state === 'alive', 1000),
    undefined,
  );
  t.is(b.sees('a')?.tags.get('vnis'), '42');
  t.deepEqual(
    b.events.map(event => event.type),
    ['memberUp'],
  );
});

for (const size of [2, 3, 5]) {
  test(`Swim: of ${size} nodes one that crashes is suspect within 5 s and dead within 15 s`, t => {
    for (let seed = 1; seed <= 10; seed++) {
      const { cluster, node } = pool(size, { seed });
      cluster.run(3000 + 100 * seed);
      node(size).crash();
      const name = `n${size}`;
      const isSuspect = () => cluster.running.some(other => other.sees(name)?.state === 'suspect');
      t.not(cluster.runUntil(isSuspect, 5000), undefined, `seed ${seed}: suspect`);
      const isDead = () => cluster.running.every(other => other.sees(name)?.state === 'dead');
      t.not(cluster.runUntil(isDead, 10_000), undefined, `seed ${seed}: dead`);
      t.deepEqual(
        node(1)
          .events.slice(-2)
          .map(event => event.type),
        ['memberSuspect', 'memberDown'],
      );
    }
  });
}

test('Swim: a leave is known as left everywhere at once, is short, and is no death', t => {
  const { cluster, node } = pool(5);
  const left = () => cluster.running.every(other => other === node(5) || other.sees('n5')?.state === 'left');
  node(5).leave();
  t.true((cluster.runUntil(left, 1000, 10) ?? 1000) <= 50);
  t.not(
    cluster.runUntil(() => !node(5).isRunning, 1000),
    undefined,
    'leaves within a second',
  );
  cluster.run(30_000);
  t.true(left());
  t.deepEqual(
    cluster.nodes.flatMap(other => other.events.filter(({ type }) => type === 'memberDown')),
    [],
  );
});

test('Swim: a leave under 30 % loss still ends within a second', t => {
  const { cluster, node } = pool(3, { conditions: { loss: 0.3 } });
  node(3).leave();
  t.not(
    cluster.runUntil(() => !node(3).isRunning, 1000),
    undefined,
  );
});

test('Swim: a lone node leaves at once', t => {
  const cluster = new Cluster({ seed: 1 });
  const node = cluster.add({ name: 'a' }).start();
  node.leave();
  cluster.run(1);
  t.false(node.isRunning);
});

for (const how of ['crash', 'leave'] as const) {
  test(`Swim: a node that starts again after a ${how} outbids what the pool remembers`, t => {
    const { cluster, node } = pool(3);
    node(3)[how]();
    cluster.run(20_000);
    t.is(node(1).sees('n3')?.state, how === 'crash' ? 'dead' : 'left');
    node(3).start();
    t.true((cluster.runUntil(() => cluster.disagreements().length === 0, 10_000) ?? 1e9) < 3000);
    t.true(node(3).incarnation > 1);
  });
}

test('Swim: a node that starts again before its death is noticed stays alive, with its new tags', t => {
  const { cluster, node } = pool(3);
  for (let round = 0; round < 3; round++) node(3).setTags(new Map([['round', `${round}`]]));
  cluster.run(2000);
  t.is(node(1).sees('n3')?.tags.get('round'), '2');
  node(3).crash();
  node(3).start();
  const isNew = () => [1, 2].every(number => node(number).sees('n3')?.tags.get('role') === 'weft');
  t.not(cluster.runUntil(isNew, 3000), undefined);
  cluster.run(20_000);
  t.deepEqual(cluster.disagreements(), []);
});

test('Swim: new tags reach every member', t => {
  const { cluster, node } = pool(20);
  node(7).setTags(new Map([['vnis', '1-3']]));
  const known = () =>
    cluster.nodes.every(other => other.name === 'n7' || other.sees('n7')?.tags.get('vnis') === '1-3');
  t.not(cluster.runUntil(known, 3000), undefined);
  t.is(node(1).events.filter(({ type }) => type === 'memberUpdated').length, 1);
});

test('Swim: a node that is cut off for a moment refutes its suspicion', t => {
  const { cluster, node } = pool(3);
  cluster.network.partition(new Set([node(3).endpoint.address]));
  t.not(
    cluster.runUntil(() => node(1).sees('n3')?.state === 'suspect', 6000),
    undefined,
  );
  cluster.network.heal();
  t.not(
    cluster.runUntil(() => node(1).sees('n3')?.state === 'alive', 4000),
    undefined,
  );
  cluster.run(30_000);
  t.deepEqual(cluster.disagreements(), []);
  t.deepEqual(
    node(1).events.filter(({ type }) => type === 'memberDown'),
    [],
  );
});

test('Swim: a node held for dead that is alive returns by itself', t => {
  const { cluster, node } = pool(3);
  cluster.network.partition(new Set([node(3).endpoint.address]));
  cluster.run(60_000);
  t.is(node(1).sees('n3')?.state, 'dead');
  t.is(node(3).sees('n1')?.state, 'dead');
  cluster.network.heal();
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 10_000),
    undefined,
  );
});

test('Swim: the indirect pings keep a member alive whose path to one other is broken', t => {
  const { cluster, node } = pool(4);
  const [one, four] = [node(1).endpoint.address, node(4).endpoint.address];
  cluster.network.cut((from, to) => (from === one && to === four) || (from === four && to === one));
  cluster.run(60_000);
  t.deepEqual(
    cluster.nodes.flatMap(other => other.events.filter(({ type }) => type === 'memberSuspect')),
    [],
  );
  t.true(cluster.nodes.some(other => (other.counters.report().sent.indirectPing ?? 0) > 0));
});

for (const [name, profile, ms] of [
  ['LAN', {}, 12_000],
  ['WAN', WAN_PROFILE, 60_000],
] as const) {
  test(`Swim: a helper says nack in time when the target does not answer it either, and nobody trusts itself less; ${name}`, t => {
    const { cluster, node } = pool(6, { profile });
    node(6).crash();
    let worst = 0;
    for (let passed = 0; passed < ms; passed += 100) {
      cluster.run(100);
      worst = Math.max(worst, ...cluster.running.map(other => other.health ?? Number.NaN));
    }
    const reports = cluster.running.map(other => other.counters.report());
    t.true(reports.some(({ received }) => (received.nack ?? 0) > 0));
    t.deepEqual(
      reports.flatMap(({ drops }) => drops.lateAck ?? []),
      [],
    );
    t.is(worst, 0);
  });
}

test('Swim: the dead and the departed are forgotten after their time', t => {
  const { cluster, node } = pool(4, { profile: { deadRetention: 60_000, leftRetention: 30_000 } });
  node(3).crash();
  node(4).leave();
  cluster.run(20_000);
  t.deepEqual([node(1).sees('n3')?.state, node(1).sees('n4')?.state], ['dead', 'left']);
  cluster.run(25_000);
  t.deepEqual([node(1).sees('n3')?.state, node(1).sees('n4')?.state], ['dead', undefined]);
  cluster.run(45_000);
  t.is(node(1).sees('n3'), undefined);
  t.is(node(1).events.filter(({ type }) => type === 'memberReaped').length, 2);
});

test('Swim: lastSeen is recent for who answers, and stands still for who does not', t => {
  const { cluster, node } = pool(3);
  cluster.run(10_000);
  const crashedAt = cluster.clock.now();
  t.true(crashedAt - (node(1).sees('n3')?.lastSeen ?? 0) < 3000);
  node(3).crash();
  cluster.run(30_000);
  t.true((node(1).sees('n3')?.lastSeen ?? 1e9) <= crashedAt);
  t.true(cluster.clock.now() - (node(1).sees('n2')?.lastSeen ?? 0) < 3000);
});

/** A node, and a peer made of bare hands: what it is sent, and what it says. */
function facing() {
  const cluster = new Cluster({ seed: 3 });
  const node = cluster.add({ name: 'a' }).start();
  const peer = { address: parseIp('10.9.9.9'), port: 7946 };
  const inbox: Message[] = [];
  const host = {
    receivePacket: (_from: unknown, bytes: Uint8Array) => {
      inbox.push(...decodePacket(bytes).messages);
    },
    answerStream: () => undefined,
  };
  cluster.network.attach(peer, host);
  const port = cluster.network.portOf(peer, host);
  const say = (...messages: readonly Message[]) => {
    port.sendPacket(node.endpoint, encodePacket(messages.map(encodeMessage)), { checksum: false });
    cluster.run(10);
    return inbox.splice(0);
  };
  return { cluster, node, peer, port, say, inbox };
}

const VERSION = Uint8Array.of(1, 5, 2, 2, 5, 5);

test('Swim: a ping for another name is dropped and counted, one for any name is answered', t => {
  const { node, say } = facing();
  t.deepEqual(say({ type: 'ping', sequence: 1, node: 'b', source: undefined }), []);
  t.is(node.counters.report().drops.notForUs, 1);
  t.deepEqual(say({ type: 'ping', sequence: 2, node: '', source: undefined }), [
    { type: 'ack', sequence: 2, payload: null },
  ]);
});

test('Swim: strangers get an ack and no more, so that a forged source gains nothing', t => {
  const { node, say } = facing();
  node.setTags(new Map([['a', 'x'.repeat(400)]]));
  t.deepEqual(say({ type: 'ping', sequence: 1, node: 'a', source: undefined }), [
    { type: 'ack', sequence: 1, payload: null },
  ]);
});

test('Swim: news that cannot be meant is dropped, each with its reason', t => {
  const { node, peer, say } = facing();
  const alive = {
    type: 'alive' as const,
    node: 'p',
    ...peer,
    incarnation: 1,
    meta: new Uint8Array(0),
    version: VERSION,
  };
  const bad: readonly [DropReason, Message][] = [
    ['version', { ...alive, version: VERSION.subarray(0, 5) }],
    ['version', { ...alive, version: Uint8Array.of(3, 5, 3, 2, 5, 5) }],
    ['badName', { ...alive, node: '' }],
    ['badName', { ...alive, node: 'a\nb' }],
    ['badName', { type: 'suspect', node: 'a\x1b[2J', incarnation: 1, from: 'p' }],
    ['badAddress', { ...alive, address: parseIp('0.0.0.0') }],
    ['badAddress', { ...alive, port: 0 }],
    ['badMeta', { ...alive, meta: new Uint8Array(513) }],
    ['badIncarnation', { ...alive, incarnation: 0xffff_ffff }],
    ['badIncarnation', { type: 'dead', node: 'a', incarnation: 0xffff_ffff, from: 'p' }],
  ];
  for (const [reason, message] of bad) {
    const before = node.counters.report().drops[reason] ?? 0;
    say(message);
    t.is(node.counters.report().drops[reason], before + 1, JSON.stringify(message));
  }
  t.deepEqual(node.members(), []);
  say(alive);
  t.is(node.sees('p')?.state, 'alive');
});

test('Swim: an accusation is refuted with a higher incarnation, whatever it accuses', t => {
  const { node, peer, say } = facing();
  say({ type: 'alive', node: 'p', ...peer, incarnation: 1, meta: new Uint8Array(0), version: VERSION });
  say({ type: 'suspect', node: 'a', incarnation: 7, from: 'p' });
  t.is(node.incarnation, 8);
  say({ type: 'dead', node: 'a', incarnation: 7, from: 'p' });
  t.is(node.incarnation, 8, 'old news');
  say({ type: 'dead', node: 'a', incarnation: 9, from: 'a' });
  t.is(node.incarnation, 10);
  const answer = say({ type: 'ping', sequence: 1, node: 'a', source: { ...peer, node: 'p' } });
  t.like(
    answer.find(({ type }) => type === 'alive'),
    { node: 'a', incarnation: 10 },
  );
});

test('Swim: who is held for dead and pings all the same is told so', t => {
  const { peer, say } = facing();
  say({ type: 'alive', node: 'p', ...peer, incarnation: 1, meta: new Uint8Array(0), version: VERSION });
  say({ type: 'dead', node: 'p', incarnation: 1, from: 'q' });
  const answer = say({ type: 'ping', sequence: 1, node: 'a', source: { ...peer, node: 'p' } });
  t.like(
    answer.find(({ type }) => type === 'dead'),
    { node: 'p', incarnation: 1 },
  );
});

test('Swim: a stale accusation is answered with what refutes it, to members only', t => {
  const { peer, say } = facing();
  const p = {
    type: 'alive' as const,
    node: 'p',
    ...peer,
    incarnation: 1,
    meta: new Uint8Array(0),
    version: VERSION,
  };
  const q = { ...p, node: 'q', address: parseIp('10.9.9.8'), incarnation: 5 };
  say(q);
  t.deepEqual(say({ type: 'suspect', node: 'q', incarnation: 4, from: 'p' }), [], 'a stranger');
  say(p);
  for (const type of ['suspect', 'dead'] as const) {
    const answer = say({ type, node: 'q', incarnation: 4, from: 'p' });
    t.like(
      answer.find(message => message.type === 'alive'),
      { node: 'q', incarnation: 5 },
      type,
    );
  }
  say({ type: 'dead', node: 'q', incarnation: 5, from: 'q' });
  const answer = say({ type: 'suspect', node: 'q', incarnation: 5, from: 'p' });
  t.like(
    answer.find(message => message.type === 'dead'),
    { node: 'q', from: 'q' },
    'it has left',
  );
});

test('Swim: a suspect that answers the last probe is not given up, one that does not is', t => {
  for (const answers of [true, false]) {
    const { cluster, node, peer, port, say, inbox } = facing();
    say({ type: 'alive', node: 'p', ...peer, incarnation: 1, meta: new Uint8Array(0), version: VERSION });
    say({ type: 'suspect', node: 'p', incarnation: 1, from: 'x' });
    for (let step = 0; step < 600; step++) {
      cluster.run(50);
      for (const message of inbox.splice(0)) {
        // It acks, but never refutes.
        if (message.type !== 'ping' || !answers) continue;
        port.sendPacket(
          node.endpoint,
          encodeMessage({ type: 'ack', sequence: message.sequence, payload: null }),
          { checksum: false },
        );
      }
    }
    t.is(node.sees('p')?.state, answers ? 'suspect' : 'dead');
  }
});

test('Swim: a push/pull that names one impossible node is used for the others', t => {
  const { cluster, node, peer, port } = facing();
  const p = {
    name: 'p',
    ...peer,
    incarnation: 1,
    state: 'alive' as const,
    meta: new Uint8Array(0),
    version: VERSION,
  };
  let answer: unknown;
  const request = encodePushPull({
    join: true,
    nodes: [{ ...p, name: 'bad', version: VERSION.subarray(0, 5) }, p],
  });
  port.exchange(node.endpoint, request, outcome => {
    answer = outcome;
  });
  cluster.run(100);
  t.like(answer, { ok: true });
  t.deepEqual(
    node.members().map(({ name }) => name),
    ['p'],
  );
  t.is(node.counters.report().drops.version, 1);
});

test('Swim: a stream it cannot serve is answered with an error and counted', t => {
  const { cluster, node, port } = facing();
  let answer: unknown;
  port.exchange(node.endpoint, Buffer.from('0981a4416c676f01', 'hex'), outcome => {
    answer = outcome;
  });
  cluster.run(100);
  t.deepEqual(answer, { ok: true, message: { type: 'err', error: 'weft cannot serve this: compressed' } });
  t.is(node.counters.report().drops.compressed, 1);
});

test('Swim: 20,000 mutated datagrams do no harm to a pool, and each is counted', t => {
  const { cluster, node } = pool(3);
  const random = seededRandom(99);
  const intruder = { address: parseIp('10.66.6.6'), port: 7946 };
  const host = { receivePacket: () => undefined, answerStream: () => undefined };
  cluster.network.attach(intruder, host);
  const port = cluster.network.portOf(intruder, host);
  const before = node(1).counters.report().datagramsReceived;
  const templates = [
    encodeMessage({ type: 'ping', sequence: 1, node: 'n1', source: { ...intruder, node: 'i' } }),
    encodeMessage({
      type: 'alive',
      node: 'n9',
      ...intruder,
      incarnation: 1,
      meta: new Uint8Array(9),
      version: VERSION,
    }),
    encodeMessage({ type: 'suspect', node: 'n2', incarnation: 1, from: 'n3' }),
    encodeMessage({
      type: 'indirectPing',
      sequence: 1,
      target: intruder.address,
      port: 1,
      node: 'x',
      nack: true,
      source: undefined,
    }),
  ];
  const packets = [...templates, encodePacket(templates)];
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(packets[randomInteger(random, packets.length)] ?? []);
    for (let change = 0; change < 1 + randomInteger(random, 4); change++) {
      bytes.writeUInt8(randomInteger(random, 256), randomInteger(random, bytes.length));
    }
    port.sendPacket(node(1).endpoint, bytes, { checksum: false });
    if (round % 100 === 0) cluster.run(10);
  }
  cluster.run(1000);
  const report = node(1).counters.report();
  const accounted = [...Object.values(report.received), ...Object.values(report.drops)].reduce(
    (sum, count) => sum + count,
    0,
  );
  t.true(report.datagramsReceived - before >= 20_000);
  t.true(accounted >= report.datagramsReceived);
  t.true(node(1).isRunning);
  cluster.run(120_000);
  for (const number of [2, 3]) t.is(node(1).sees(`n${number}`)?.state, 'alive');
});
