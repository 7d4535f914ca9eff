import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { LAN_PROFILE } from './constants.ts';
import { joinWait } from './joiner.ts';
import { seededRandom } from './random.ts';
import { Cluster } from './testing/cluster.ts';

test('joinWait doubles to its maximum, with full jitter', t => {
  const latest = { next: () => 0.999999 };
  const waits = [0, 1, 2, 3, 6, 100].map(failures => Math.round(joinWait(LAN_PROFILE, failures, latest)));
  t.deepEqual(waits, [1000, 2000, 4000, 8000, 60_000, 60_000]);
  t.is(joinWait(LAN_PROFILE, 5, { next: () => 0 }), 100);
  const random = seededRandom(1);
  const drawn = Array.from({ length: 1000 }, () => joinWait(LAN_PROFILE, 6, random));
  t.true(Math.min(...drawn) < 1000 && Math.max(...drawn) > 59_000);
});

test('Joiner: a seed that starts ten minutes later is joined within a few seconds', t => {
  for (let seed = 1; seed <= 10; seed++) {
    const cluster = new Cluster({ seed });
    const early = cluster.add({ name: 'early', join: ['10.0.0.2'] }).start();
    cluster.run(600_000 + 777 * seed);
    const late = cluster.add({ name: 'late' }).start();
    const took = cluster.runUntil(
      () => late.sees('early')?.state === 'alive' && early.sees('late')?.state === 'alive',
      60_000,
    );
    t.true((took ?? 1e9) <= 4000, `seed ${seed}: ${took} ms`);
  }
});

test('a quiet pool wakes up to probe and for nothing else: no news to gossip, nobody to join', t => {
  const cluster = new Cluster({ seed: 3 });
  const join = ['10.0.0.1', '10.0.0.2'];
  for (const name of ['a', 'b']) cluster.add({ name, join }).start();
  cluster.run(20_000);
  t.true(cluster.isConverged());
  const { wakeUps } = cluster.clock;
  cluster.run(60_000);
  // A second: each of the two pings, is pinged and gets its ack. What is left are streams, and the look for whom to forget.
  const others = cluster.clock.wakeUps - wakeUps - 60 * 2 * 3;
  t.true(others < 60, `${others} more in a minute`);
});

test('Joiner: while nobody is there it tries ever more rarely, for ever, and warns once', t => {
  const cluster = new Cluster({ seed: 4 });
  const node = cluster.add({ name: 'a', join: ['10.0.0.9'] }).start();
  const triesIn = (ms: number) => {
    const before = node.counters.report().sent.pushPull ?? 0;
    cluster.run(ms);
    return (node.counters.report().sent.pushPull ?? 0) - before;
  };
  t.true(triesIn(60_000) >= 4);
  triesIn(600_000);
  const later = triesIn(3_600_000);
  t.true(later >= 60 && later <= 240, `${later} tries in an hour`);
  t.deepEqual(
    node.logged.map(({ message }) => message),
    ['cannot join, will keep trying'],
  );
});

test('Joiner: our own address in the list is no peer and no trouble', t => {
  const cluster = new Cluster({ seed: 5 });
  const node = cluster.add({ name: 'a', join: ['10.0.0.1', '10.0.0.1:7946'] }).start();
  cluster.run(120_000);
  t.deepEqual(node.members(), []);
  t.is(node.counters.report().sent.pushPull, undefined);
  t.deepEqual(node.logged, []);
});

test('Joiner: a name is resolved at each try, and its failure is just a failed try', t => {
  const cluster = new Cluster({ seed: 6 });
  const seed = cluster.add({ name: 'seed' }).start();
  const node = cluster.add({ name: 'a', join: ['seed.example'] }).start();
  cluster.run(30_000);
  t.deepEqual(node.members(), []);
  cluster.network.setName('seed.example', [seed.endpoint.address]);
  t.not(
    cluster.runUntil(() => node.sees('seed')?.state === 'alive', 60_000),
    undefined,
  );
  seed.crash();
  cluster.run(30_000);
  const moved = cluster.add({ name: 'seed-2' }).start();
  cluster.network.setName('seed.example', [moved.endpoint.address]);
  t.not(
    cluster.runUntil(() => node.sees('seed-2')?.state === 'alive', 60_000),
    undefined,
  );
});

test('Joiner: a pool that split longer ago than gossip to the dead lasts finds itself again', t => {
  for (let seed = 1; seed <= 5; seed++) {
    const cluster = new Cluster({ seed });
    cluster.addPool(6, { spread: 100 });
    cluster.run(10_000);
    // The seed is alone on its side: it has no join address of its own.
    cluster.network.partition(new Set([parseIp('10.0.0.1')]));
    cluster.run(300_000);
    cluster.network.heal();
    const took = cluster.runUntil(() => cluster.disagreements().length === 0, 60_000);
    t.true((took ?? 1e9) <= 15_000, `seed ${seed}: ${took} ms`);
  }
});

test('Reconnector: a split that no join list spans heals too', t => {
  const cluster = new Cluster({ seed: 7 });
  const [a, b] = [
    cluster.add({ name: 'a', join: ['seed.example'] }),
    cluster.add({ name: 'b', join: ['seed.example'] }),
  ];
  cluster.network.setName('seed.example', [a.endpoint.address]);
  a.start();
  b.start();
  cluster.run(10_000);
  t.is(a.sees('b')?.state, 'alive');
  cluster.network.setName('seed.example', []);
  cluster.network.partition(new Set([a.endpoint.address]));
  cluster.run(300_000);
  t.is(a.sees('b')?.state, 'dead');
  cluster.network.heal();
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 90_000),
    undefined,
  );
});

test('Joiner: a peer that advertises another address than the one we joined is not tried at each knock', t => {
  const cluster = new Cluster({ seed: 8 });
  const seed = cluster.add({ name: 'seed' }).start();
  const outside = { address: parseIp('10.1.1.1'), port: 7946 };
  cluster.network.forward(outside, seed.endpoint);
  const node = cluster.add({ name: 'a', join: ['10.1.1.1'] }).start();
  cluster.run(600_000);
  t.is(node.sees('seed')?.state, 'alive');
  const exchanges = node.counters.report().sent.pushPull ?? 0;
  t.true(exchanges < 100, `${exchanges} in ten minutes`);
});
