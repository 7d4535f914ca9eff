/** Join addresses that change while the node runs: Joiner.setTargets. */
import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { Cluster, type SimulatedNode } from './testing/cluster.ts';

const SEED = '10.0.0.2';
const NOBODY = '10.0.0.9';

/** `a` has been looking for these, and `seed` is at {@link SEED} once it is started. */
function lookingFor(join: readonly string[]) {
  const cluster = new Cluster({ seed: 21 });
  const node = cluster.add({ name: 'a', join });
  const seed = cluster.add({ name: 'seed' });
  return { cluster, node, seed };
}

const joinedOf = ({ logged }: SimulatedNode) =>
  logged
    .filter(({ message }) => message === 'exchanged members with a join address')
    .map(({ fields }) => (fields as { readonly target: string }).target);

const warningsOf = ({ logged }: SimulatedNode) =>
  logged
    .filter(({ level }) => level === 'warn')
    .map(({ fields }) => (fields as { readonly target?: string }).target);

const triesOf = (node: SimulatedNode) => node.counters.report().sent.pushPull ?? 0;

for (const [title, join] of [
  ['while nobody was looked for', []],
  ['beside one that is not there', [NOBODY]],
] as const) {
  test(`setTargets: a new one is joined at once, once, ${title}; who came by one that goes stays a member`, t => {
    const { cluster, node, seed } = lookingFor(join);
    seed.start();
    node.start();
    cluster.run(600_000);
    t.is(node.sees('seed'), undefined);
    node.setJoin([SEED, SEED]);
    const took = cluster.runUntil(() => node.sees('seed')?.state === 'alive', 10_000);
    t.true((took ?? 1e9) <= 500, `${took} ms`);
    cluster.run(1000);
    node.setJoin([SEED]);
    cluster.run(10_000);
    t.deepEqual(joinedOf(node), [SEED]);
    node.setJoin([]);
    cluster.run(60_000);
    t.is(node.sees('seed')?.state, 'alive');
  });
}

test('setTargets: one that has a member that is up already is not joined', t => {
  const { cluster, node, seed } = lookingFor([SEED]);
  const third = cluster.add({ name: 'third', join: [SEED] });
  for (const one of [seed, node, third]) one.start();
  cluster.run(20_000);
  t.true(cluster.isConverged());
  node.setJoin([SEED, '10.0.0.3']);
  cluster.run(10_000);
  t.deepEqual(joinedOf(node), [SEED]);
});

test('setTargets: one that goes is neither tried nor knocked at any more', t => {
  const { cluster, node, seed } = lookingFor([SEED, NOBODY]);
  node.start();
  cluster.run(60_000);
  node.setJoin([NOBODY]);
  const asked: string[] = [];
  cluster.network.onDatagram = (_, { address }) => asked.push(address);
  seed.start();
  cluster.run(600_000);
  t.is(node.sees('seed'), undefined);
  t.true(asked.includes(NOBODY));
  t.false(asked.includes(SEED));
});

test('setTargets: what is known of one that stays is kept: it is tried as rarely as before, and warned of once', t => {
  const { cluster, node } = lookingFor([NOBODY]);
  node.start();
  cluster.run(3_600_000);
  const before = triesOf(node);
  for (let change = 1; change <= 120; change++) {
    node.setJoin(change % 2 === 0 ? [NOBODY] : [NOBODY, '10.0.0.1']);
    cluster.run(500);
  }
  t.true(triesOf(node) - before <= 10, `${triesOf(node) - before} tries in a minute`);
  t.deepEqual(warningsOf(node), [NOBODY]);
});

test('setTargets: of one that goes while it is tried nobody is told that it will be tried again', t => {
  const { cluster, node, seed } = lookingFor([SEED]);
  cluster.network.partition(new Set([parseIp(SEED)]));
  seed.start();
  node.start();
  cluster.run(1000);
  t.is(triesOf(node), 1);
  node.setJoin([]);
  cluster.run(60_000);
  t.deepEqual(node.logged, []);
});

test('setTargets: a name that goes while it is resolved is not joined', t => {
  const { cluster, node, seed } = lookingFor(['seed.example']);
  cluster.network.setName('seed.example', [parseIp(SEED)]);
  seed.start();
  node.start();
  cluster.run(0);
  node.setJoin([]);
  cluster.run(10_000);
  t.deepEqual(node.members(), []);
});

test('setTargets: one that goes after it was knocked at, and then answers, is not joined', t => {
  const { cluster, node, seed } = lookingFor([SEED]);
  node.start();
  cluster.run(600_000);
  let knocks = 0;
  // The first is on its way to a seed that has just come.
  cluster.network.onDatagram = (_, { address }) => {
    if (address !== SEED) return;
    knocks += 1;
    node.setJoin([]);
    if (!seed.isRunning) seed.start();
  };
  cluster.run(60_000);
  t.is(knocks, 1);
  t.deepEqual(node.members(), []);
});
