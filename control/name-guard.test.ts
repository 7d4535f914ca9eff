import test from 'ava';
import { PROTOCOL_VERSION } from './constants.ts';
import { encodeMessage } from './message.ts';
import { encodeTags } from './tags.ts';
import { Cluster, type SimulatedNode } from './testing/cluster.ts';

const yields = (node: SimulatedNode) => node.events.filter(event => event.type === 'nameConflict');
const logs = (node: SimulatedNode, pattern: RegExp) =>
  node.logged.filter(({ message }) => pattern.test(message));

/** A pool n1, n2, n3 that has run for a while, and a newcomer at 10.0.0.9 that calls itself as told. */
function poolAndNewcomer(
  seed: number,
  name: string,
  options: { readonly loss?: number; readonly join?: string[] } = {},
) {
  const cluster = new Cluster({ seed, conditions: { loss: options.loss ?? 0 } });
  cluster.addPool(3, { spread: 100 });
  cluster.run(20_000);
  const newcomer = cluster.add({ name, host: 9, join: options.join ?? ['10.0.0.1'] });
  return { cluster, newcomer, established: cluster.nodes.find(node => node.name === name) };
}

for (const loss of [0, 0.1]) {
  test(`NameGuard: with ${100 * loss} % loss a newcomer with a taken name yields, and only it`, t => {
    for (let seed = 1; seed <= 10; seed++) {
      for (const join of [['10.0.0.1'], ['10.0.0.2']]) {
        const { cluster, newcomer, established } = poolAndNewcomer(seed, 'n2', { loss, join });
        newcomer.start();
        t.not(
          cluster.runUntil(() => !newcomer.isRunning, 20_000),
          undefined,
          `seed ${seed}`,
        );
        t.deepEqual(yields(newcomer), [{ type: 'nameConflict', name: 'n2', address: '10.0.0.2:7946' }]);
        t.is(logs(newcomer, /older right/).length, 1);
        cluster.run(30_000);
        t.true(established?.isRunning, `seed ${seed}`);
        t.true(
          established !== undefined && logs(established, /our name/).length > 0,
          'the established node logs it too',
        );
        t.deepEqual(cluster.nodes.slice(0, 3).flatMap(yields), []);
        t.true(cluster.isConverged(), `seed ${seed}: ${cluster.disagreements().join(', ')}`);
      }
    }
  });
}

test('NameGuard: of two lone nodes the one that has been up for longer keeps the name, whoever joins', t => {
  for (const joins of [
    [[], ['10.0.0.1']],
    [['10.0.0.2'], []],
    [['10.0.0.2'], ['10.0.0.1']],
  ]) {
    const cluster = new Cluster({ seed: 2 });
    const first = cluster.add({ name: 'twin', join: joins[0] ?? [] }).start();
    cluster.run(2500);
    const second = cluster.add({ name: 'twin', join: joins[1] ?? [] }).start();
    t.not(
      cluster.runUntil(() => !second.isRunning, 65_000),
      undefined,
      JSON.stringify(joins),
    );
    t.is(yields(second).length, 1);
    cluster.run(10_000);
    t.true(first.isRunning);
    t.deepEqual(yields(first), []);
  }
});

test('NameGuard: the older right is the one the pool has known for longer, not the longer uptime', t => {
  const cluster = new Cluster({ seed: 3 });
  const loner = cluster.add({ name: 'twin', host: 9, join: ['late.example'] }).start();
  cluster.run(100_000);
  const member = cluster.add({ name: 'twin', host: 1 }).start();
  cluster.add({ name: 'other', host: 2, join: ['10.0.0.1'] }).start();
  cluster.run(10_000);
  cluster.network.setName('late.example', [member.endpoint.address]);
  t.not(
    cluster.runUntil(() => !loner.isRunning, 65_000),
    undefined,
  );
  t.true(member.isRunning);
  t.deepEqual(yields(member), []);
});

test('NameGuard: a node that moved to another address while the pool still holds it for alive gets its name back', t => {
  const { cluster, newcomer, established } = poolAndNewcomer(4, 'n2');
  established?.crash();
  newcomer.start();
  t.not(
    // Not only when the pool has given its former life up.
    cluster.runUntil(() => cluster.disagreements().length === 0, 5000),
    undefined,
    cluster.disagreements().join(', '),
  );
  t.deepEqual(yields(newcomer), []);
  t.is(cluster.nodes[0]?.sees('n2')?.address, newcomer.endpoint.address);
});

test('NameGuard: a node that moved while the pool suspects its former life gets its name back before that is given up', t => {
  const { cluster, newcomer, established } = poolAndNewcomer(4, 'n2');
  established?.crash();
  t.not(
    cluster.runUntil(() => cluster.nodes[0]?.sees('n2')?.state === 'suspect', 10_000),
    undefined,
  );
  newcomer.start();
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 4000),
    undefined,
    cluster.disagreements().join(', '),
  );
  t.is(cluster.nodes[0]?.sees('n2')?.address, newcomer.endpoint.address);
});

test('NameGuard: a node that moved after it left or died gets its name back within seconds', t => {
  for (const how of ['crash', 'leave'] as const) {
    const { cluster, newcomer, established } = poolAndNewcomer(5, 'n2');
    established?.[how]();
    cluster.run(20_000);
    newcomer.start();
    t.not(
      cluster.runUntil(() => cluster.disagreements().length === 0, 10_000),
      undefined,
      how,
    );
    t.deepEqual(yields(newcomer), []);
  }
});

test('NameGuard: a duplicate that started during a partition yields when it heals', t => {
  const { cluster, newcomer, established } = poolAndNewcomer(6, 'n2');
  cluster.network.partition(new Set([established?.endpoint.address ?? newcomer.endpoint.address]));
  cluster.run(30_000);
  newcomer.start();
  cluster.run(30_000);
  t.true(newcomer.isRunning);
  t.is(cluster.nodes[0]?.sees('n2')?.address, newcomer.endpoint.address);
  cluster.network.heal();
  t.not(
    cluster.runUntil(() => !newcomer.isRunning, 60_000),
    undefined,
  );
  t.true(established?.isRunning);
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 60_000),
    undefined,
  );
  t.is(cluster.nodes[0]?.sees('n2')?.address, established?.endpoint.address);
});

test('NameGuard: the farewell of a former life comes with the news of the present one to everybody who is told', t => {
  const cluster = new Cluster({ seed: 7 });
  // More than the times that news is sent.
  cluster.addPool(14, { spread: 100 });
  cluster.run(20_000);
  cluster.nodes.find(({ name }) => name === 'n2')?.crash();
  const newcomer = cluster.add({ name: 'n2', host: 99, join: ['10.0.0.1'] }).start();
  const others = cluster.running.filter(({ name }) => name !== 'n2');
  const heard = () => others.filter(node => node.sees('n2')?.address === newcomer.endpoint.address).length;
  t.not(
    cluster.runUntil(() => heard() > 0, 5000, 1),
    undefined,
  );
  // The longest delay of a datagram.
  cluster.run(3);
  t.is(heard(), others.length);
});

test('NameGuard: who knows the new address does not hold the node for gone when one that lags mentions the former', t => {
  for (let seed = 1; seed <= 5; seed++) {
    const { cluster, newcomer, established } = poolAndNewcomer(seed, 'n2');
    const [first, , lagging] = cluster.nodes;
    const former = established?.endpoint ?? newcomer.endpoint;
    established?.crash();
    newcomer.start();
    t.not(
      cluster.runUntil(() => cluster.disagreements().length === 0, 10_000),
      undefined,
    );
    // Until then the address is not asked again.
    cluster.run(12_000);
    const before = first?.events.length;
    const { incarnation } = newcomer;
    const meta = encodeTags(new Map([['role', 'weft']]));
    const news = {
      type: 'alive',
      node: 'n2',
      ...former,
      incarnation,
      meta,
      version: PROTOCOL_VERSION,
    } as const;
    cluster.network.inject(lagging?.endpoint ?? former, newcomer.endpoint, encodeMessage(news));
    cluster.run(5000);
    t.is(logs(newcomer, /nobody there answers/).length, 2, 'it has bidden farewell again');
    t.deepEqual(
      first?.events.slice(before).filter(({ type }) => type !== 'memberSuspect'),
      [],
      `seed ${seed}`,
    );
    t.true(cluster.isConverged());
  }
});
