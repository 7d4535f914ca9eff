import { randomInt } from 'node:crypto';
import test from 'ava';
import { Cluster } from './testing/cluster.ts';

const SIZE = 100;

/**
 * A broadcast that all its few copies lost is made up for by the next push/pull: with 100 nodes every 90 s
 * (memberlist's pushPullScale), begun by either side, and its stream may fail once.
 */
const HEALED_MS = 180_000;

/**
 * Who loses sight of half the pool trusts itself less and probes at an eighth of the pace (Lifeguard): a member is first
 * suspected within some 20 s, and held for dead after 48 s at the most (suspicionBounds).
 */
const PARTED_MS = 75_000;

/** Fails with the seed and what is wrong unless all running nodes agree within `ms` on who is up; returns how long it took. */
function converges(
  t: { fail(message: string): void },
  cluster: Cluster,
  seed: number,
  what: string,
  ms: number,
): number {
  const took = cluster.runUntil(() => cluster.isConverged(), ms, 1000);
  if (took === undefined) t.fail(`seed ${seed}: ${what}: ${cluster.disagreements().join('; ')}`);
  return took ?? ms;
}

/** Two seeds that stay, so that a change shows, and one of today, which a failure names: WEFT_SEED runs it again. */
const { WEFT_SEED = randomInt(2 ** 31) } = process.env;
const TODAY = Number(WEFT_SEED);

for (const seed of [1, 2, TODAY]) {
  test(`100 nodes, 5 % loss: join, crash, leave, restart, partition, heal; seed ${seed}`, t => {
    const cluster = new Cluster({ seed, conditions: { loss: 0.05, duplicate: 0.02, delay: [0.2, 20] } });
    cluster.addPool(SIZE, { seeds: 2, spread: 5000 });
    cluster.run(5000);
    converges(t, cluster, seed, 'join', HEALED_MS);
    cluster.run(20_000);
    t.deepEqual(cluster.falseDeaths, [], `seed ${seed}: no false death under 5 % loss`);

    for (const node of cluster.nodes.slice(10, 20)) node.crash();
    for (const node of cluster.nodes.slice(20, 25)) node.leave();
    converges(t, cluster, seed, 'crash and leave', HEALED_MS);
    const observer = cluster.nodes[50];
    t.deepEqual(
      [observer?.sees('n11')?.state, observer?.sees('n21')?.state],
      ['dead', 'left'],
      `seed ${seed}`,
    );

    for (const node of cluster.nodes.slice(10, 13)) node.start();
    for (const node of cluster.nodes.slice(20, 23)) node.start({ incarnation: 5 });
    converges(t, cluster, seed, 'restart', HEALED_MS);
    t.deepEqual(cluster.falseDeaths, [], `seed ${seed}: no false death under 5 % loss`);

    cluster.network.partition(new Set(cluster.nodes.slice(0, 40).map(node => node.endpoint.address)));
    const isParted = () =>
      cluster.nodes[0]?.sees('n80')?.state === 'dead' && cluster.nodes[79]?.sees('n40')?.state === 'dead';
    cluster.run(PARTED_MS);
    // When it is first suspected is chance: one seed in some hundreds takes longer.
    t.not(
      cluster.runUntil(isParted, PARTED_MS, 1000),
      undefined,
      `seed ${seed}: each half holds the other for dead`,
    );
    cluster.falseDeaths.length = 0;
    cluster.network.heal();
    converges(t, cluster, seed, 'heal', HEALED_MS);
    // Each half accuses all of the other at once, and in one seed of forty a refutation is overtaken: plain SWIM makes no
    // promise here. The fixed seeds show a change; chance decides nothing.
    if (seed !== TODAY) {
      t.deepEqual(cluster.falseDeaths, [], `seed ${seed}: no false death while the halves find each other`);
    }
  });
}

for (const [loss, seed] of [
  [0.1, 11],
  [0.2, 12],
] as const) {
  test(`100 nodes, ${100 * loss} % loss: join, crash, leave, restart; seed ${seed}`, t => {
    const cluster = new Cluster({ seed, conditions: { loss, duplicate: 0.02, delay: [0.2, 20] } });
    cluster.addPool(SIZE, { seeds: 2, spread: 2000 });
    cluster.run(2000);
    converges(t, cluster, seed, 'join', HEALED_MS);
    for (const node of cluster.nodes.slice(10, 20)) node.crash();
    for (const node of cluster.nodes.slice(20, 25)) node.leave();
    converges(t, cluster, seed, 'crash and leave', HEALED_MS);
    for (const node of cluster.nodes.slice(10, 15)) node.start();
    converges(t, cluster, seed, 'restart', HEALED_MS);
    cluster.run(5000);
    converges(t, cluster, seed, 'steady state', 10_000);
    t.deepEqual(
      cluster.running.flatMap(node =>
        node
          .members()
          .filter(
            ({ name, state }) => state === 'dead' && cluster.running.some(other => other.name === name),
          ),
      ),
      [],
      `seed ${seed}: no running node is dead to anybody`,
    );
  });
}

test('12 nodes, 5 % loss, half an hour: nobody is ever held for dead', t => {
  for (const seed of [21, 22]) {
    const cluster = new Cluster({ seed, conditions: { loss: 0.05 } });
    cluster.addPool(12);
    cluster.run(1_800_000);
    t.deepEqual(cluster.falseDeaths, [], `seed ${seed}`);
    t.true(cluster.isConverged(), `seed ${seed}`);
  }
});

test('a simulation is repeatable: equal seeds give equal runs', t => {
  const run = () => {
    const cluster = new Cluster({ seed: 77, conditions: { loss: 0.1, duplicate: 0.1 } });
    cluster.addPool(15);
    cluster.run(20_000);
    cluster.nodes[3]?.crash();
    cluster.run(20_000);
    return cluster.nodes.map(node => [node.counters.report(), node.events.map(event => event.type)]);
  };
  t.deepEqual(run(), run());
});
