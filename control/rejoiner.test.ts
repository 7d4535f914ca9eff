import test from 'ava';
import { Cluster } from './testing/cluster.ts';

test('Rejoiner: a split that outlasts the memory of the table heals without any join address that spans it', t => {
  for (let seed = 1; seed <= 5; seed++) {
    const cluster = new Cluster({ seed, profile: { deadRetention: 120_000 } });
    for (let n = 1; n <= 10; n++) {
      const join = n === 1 || n === 6 ? [] : [n < 6 ? '10.0.0.1' : '10.0.0.6'];
      cluster.add({ name: `n${n}`, remembers: true, join }).start();
    }
    // It brings the two halves together and leaves.
    const matchmaker = cluster.add({ name: 'm', join: ['10.0.0.1', '10.0.0.6'] }).start();
    cluster.run(30_000);
    matchmaker.leave();
    cluster.run(30_000);
    t.true(cluster.isConverged());
    cluster.network.partition(new Set(cluster.nodes.slice(5).map(({ endpoint }) => endpoint.address)));
    cluster.run(600_000);
    t.is(cluster.nodes[0]?.sees('n9'), undefined, `seed ${seed}: forgotten`);
    cluster.network.heal();
    t.not(
      cluster.runUntil(() => cluster.isConverged(), 180_000),
      undefined,
      `seed ${seed}`,
    );
  }
});

test('Rejoiner: after a restart of all but the one that all join, the pool is back', t => {
  const cluster = new Cluster({ seed: 1 });
  for (let n = 1; n <= 6; n++) {
    cluster.add({ name: `n${n}`, remembers: true, join: n === 1 ? [] : ['10.0.0.1'] }).start();
  }
  cluster.run(60_000);
  for (const node of cluster.nodes) node.crash();
  for (const node of cluster.nodes.slice(1)) node.start();
  t.not(
    cluster.runUntil(() => cluster.isConverged(), 30_000),
    undefined,
  );
});
