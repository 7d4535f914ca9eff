import test, { type ExecutionContext } from 'ava';
import type { Vni } from '../../dataplane/address.ts';
import { RecordCluster, type RecordNode, stationOf } from '../testing/record-cluster.ts';

const BLUE = 42 as Vni;

/** Two nodes that carry one network and know of each other; the first has twenty containers. */
function twoNodes(t: ExecutionContext): readonly [RecordCluster, RecordNode, RecordNode] {
  const cluster = new RecordCluster({ seed: 5 });
  cluster.addNodes(2);
  const [a, b] = cluster.nodes;
  if (a === undefined || b === undefined) throw new Error('two nodes');
  for (let n = 1; n <= 20; n++) a.attach(BLUE, stationOf(n).mac, [stationOf(n).ip]);
  b.join(BLUE);
  for (const node of cluster.nodes) node.start();
  t.not(
    cluster.runUntil(() => cluster.disagreements().length === 0, 20_000, 1),
    undefined,
  );
  return [cluster, a, b];
}

const tells = (observer: RecordNode, origin: RecordNode) => observer.log?.tells(BLUE, origin.name) ?? false;

/** Of completeness only, in order. */
function told({ events }: RecordNode): string[] {
  return events.flatMap(({ event }) =>
    event.type === 'originTells' || event.type === 'originSilent' ? [`${event.type} ${event.origin}`] : [],
  );
}

test('an origin tells once all that it had is here, and goes on doing so while news is under way', t => {
  const [cluster, a, b] = twoNodes(t);
  t.true(tells(b, a));
  t.true(tells(a, b), 'also of one that has no containers');
  t.deepEqual(told(b), ['originTells n1']);
  const index = b.events.findIndex(({ event }) => event.type === 'originTells');
  const claims = b.events.slice(0, index).filter(({ event }) => event.type === 'claimWon');
  t.is(claims.length, 40, 'not before all of it was shown');
  for (let n = 21; n <= 40; n++) a.attach(BLUE, stationOf(n).mac);
  cluster.run(1000);
  t.deepEqual(told(b), ['originTells n1']);
});

test('one that is dead is silent, and tells again when it returns', t => {
  const [cluster, a, b] = twoNodes(t);
  a.crash();
  t.not(
    cluster.runUntil(() => !tells(b, a), 60_000),
    undefined,
  );
  a.start();
  t.not(
    cluster.runUntil(() => tells(b, a), 60_000),
    undefined,
  );
  t.deepEqual(told(b), ['originTells n1', 'originSilent n1', 'originTells n1']);
});

test('one that has left the network is silent', t => {
  const [cluster, a, b] = twoNodes(t);
  a.leaveNetwork(BLUE);
  cluster.run(2000);
  t.false(tells(b, a));
  t.false(tells(a, b), 'of a network that is not ours nobody tells');
  a.join(BLUE);
  t.not(
    cluster.runUntil(() => tells(b, a) && tells(a, b), 10_000),
    undefined,
  );
});

test('a new life is silent until it was heard', t => {
  const [cluster, a, b] = twoNodes(t);
  a.crash();
  b.events.length = 0;
  a.start();
  t.not(
    cluster.runUntil(() => told(b).length === 2, 20_000),
    undefined,
  );
  t.deepEqual(told(b), ['originSilent n1', 'originTells n1']);
  t.is([...(b.log?.owners(BLUE) ?? [])].length, 20, 'and what it has was shown all the time');
});
