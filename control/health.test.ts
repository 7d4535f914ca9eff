import test from 'ava';
import { delay, systemClock } from '../dataplane/clock.ts';
import { Health } from './health.ts';
import { EventLoopDelay } from './loop-delay.ts';
import { Cluster } from './testing/cluster.ts';

test('Health stays within 0 and 7', t => {
  const health = new Health();
  const steps = [-1, 3, 3, 3, -2, -9].map(delta => {
    health.change(delta);
    return [health.score, health.factor];
  });
  t.deepEqual(steps, [
    [0, 1],
    [3, 4],
    [6, 7],
    [7, 8],
    [5, 6],
    [0, 1],
  ]);
});

test('EventLoopDelay tells of a stall once', async t => {
  const loop = new EventLoopDelay();
  loop.start();
  await delay(systemClock, 250);
  loop.takeLongest();
  await delay(systemClock, 100);
  const end = systemClock.now() + 400;
  while (systemClock.now() < end);
  await delay(systemClock, 150);
  const longest = loop.takeLongest();
  t.true(longest > 200 && longest < 2000, `${longest}`);
  loop.stop();
  t.is(loop.takeLongest(), 0);
});

test('a node that runs late by more than half of what an ack has trusts itself less, at each probe', t => {
  for (const [delays, scores] of [
    [300, [1, 2]],
    [250, [0, 0]],
    [200, [0, 0]],
  ] as const) {
    const loopDelay = { takeLongest: () => delays };
    const cluster = new Cluster({ seed: 1 });
    const node = cluster.add({ name: 'a', loopDelay }).start();
    // The first probe comes within a period, the next one after another two at most.
    const seen = [1000, 2000].map(ms => {
      cluster.run(ms);
      return node.health;
    });
    t.deepEqual(seen, [...scores], `${delays} ms`);
  }
});

/** A pool of `size` nodes that has found itself. */
function pool(size: number, seed: number) {
  const cluster = new Cluster({ seed });
  cluster.addPool(size, { spread: 500 });
  cluster.run(500);
  cluster.runUntil(() => cluster.isConverged(), 60_000);
  cluster.run(5000 + 77 * seed);
  return cluster;
}

for (const seconds of [5, 10, 30]) {
  test(`a node that is stopped for ${seconds} s holds nobody for dead afterwards, and nobody else is held for dead`, t => {
    for (let seed = 1; seed <= 8; seed++) {
      for (const size of [3, 5, 20]) {
        const cluster = pool(size, seed);
        const [, paused] = cluster.nodes;
        paused?.pause();
        cluster.run(1000 * seconds);
        paused?.resume();
        cluster.run(30_000);
        const others = cluster.falseDeaths.filter(line => !line.endsWith(': n2'));
        t.deepEqual(others, [], `seed ${seed}, ${size} nodes`);
        t.true(cluster.isConverged(), cluster.disagreements().join());
      }
    }
  });
}

test('a node that hears nothing any more judges more slowly, and quickly again once it hears', t => {
  const cluster = pool(10, 1);
  const [node] = cluster.nodes;
  t.is(node?.health, 0);
  cluster.network.cut((_, to) => to === node?.endpoint.address);
  cluster.run(15_000);
  t.true((node?.health ?? 0) >= 3, `${node?.health}`);
  cluster.network.heal();
  t.not(
    cluster.runUntil(() => node?.health === 0, 90_000),
    undefined,
  );
});

test('where UDP does not pass and TCP does, nobody is suspected, and the log says what is wrong', t => {
  const cluster = pool(3, 1);
  cluster.network.conditions = { ...cluster.network.conditions, dropAllDatagrams: true };
  cluster.run(60_000);
  t.deepEqual(cluster.falseDeaths, []);
  for (const node of cluster.nodes) {
    t.deepEqual(
      node.events.filter(({ type }) => type === 'memberSuspect'),
      [],
    );
    t.true(node.logged.some(({ message }) => message === 'a peer answers on TCP only, UDP does not pass'));
  }
});
