import test from 'ava';
import { pushPullWait } from './exchanger.ts';
import { Cluster } from './testing/cluster.ts';

test('pushPullWait grows with the logarithm of the pool above 32 nodes (memberlist pushPullScale)', t => {
  const waits = [1, 32, 33, 64, 65, 100, 1000, 10_000].map(size => pushPullWait(30_000, size) / 1000);
  t.deepEqual(waits, [30, 30, 60, 60, 90, 90, 180, 300]);
});

test('Exchanger: push/pull alone carries news where every datagram is lost', t => {
  const cluster = new Cluster({ seed: 1 });
  cluster.addPool(3, { spread: 100 });
  cluster.run(10_000);
  const [first, , last] = cluster.nodes;
  cluster.network.conditions = { ...cluster.network.conditions, dropAllDatagrams: true };
  last?.setTags(new Map([['role', 'new']]));
  t.not(
    cluster.runUntil(() => first?.sees('n3')?.tags.get('role') === 'new', 65_000),
    undefined,
  );
});
