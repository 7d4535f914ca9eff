import test from 'ava';
import { gossipKey } from '../gossip-key.ts';
import { Keyring } from '../keyring.ts';
import { Cluster, type SimulatedNode } from '../testing/cluster.ts';
import type { KeyOperation } from './key-agent.ts';
import type { KeyAnswer } from './key-rotation.ts';

const key = (fill: number) => gossipKey(new Uint8Array(16).fill(fill));
const [first, second] = [key(1), key(2)];

/** A pool in which everybody has a keyring of its own with the first key. */
function pool(size: number, options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}) {
  const cluster = new Cluster({ seed: 1, ...options });
  const rings = Array.from({ length: size }, () => new Keyring([first]));
  const nodes = rings.map((keyring, index) =>
    cluster.add({ name: `n${index + 1}`, join: ['10.0.0.1'], keyring }).start(),
  );
  cluster.runUntil(() => cluster.disagreements().length === 0, 30_000);
  return { cluster, rings, nodes };
}

/** Runs one operation to its end; returns the answers of all. */
function change(
  cluster: Cluster,
  node: SimulatedNode | undefined,
  operation: KeyOperation,
  of = second,
): readonly KeyAnswer[] {
  let answers: readonly KeyAnswer[] | undefined;
  node?.changeKeys(operation, operation === 'list' ? undefined : of, given => {
    answers = given;
  });
  cluster.runUntil(() => answers !== undefined, 60_000);
  return answers ?? [];
}

for (const [size, loss] of [
  [3, 0],
  [40, 0.1],
] as const) {
  test(`KeyRotation: ${size} nodes under ${100 * loss} % loss change their key, and nobody is lost by it`, t => {
    for (let seed = 1; seed <= 5; seed++) {
      const { cluster, rings, nodes } = pool(size, { seed, conditions: { loss } });
      for (const operation of ['add', 'use', 'remove'] as const) {
        const starter = nodes[seed % size];
        const answers = change(cluster, starter, operation, operation === 'remove' ? first : second);
        t.deepEqual(
          answers.filter(({ ok }) => !ok),
          [],
          `seed ${seed}: ${operation}`,
        );
        t.is(new Set(answers.map(({ node }) => node)).size, size);
      }
      for (const ring of rings)
        t.deepEqual(
          ring.all().map(({ fingerprint }) => fingerprint),
          [second.fingerprint],
        );
      cluster.run(30_000);
      t.true(cluster.isConverged(), cluster.disagreements().join());
      t.deepEqual(cluster.falseDeaths, []);
      const listed = change(cluster, nodes[0], 'list');
      t.true(
        listed.every(
          ({ keys, primary }) => keys.join() === second.fingerprint && primary === second.fingerprint,
        ),
      );
    }
  });
}

test('KeyRotation: who cannot do it says why, and who is silent is named', t => {
  const { cluster, rings, nodes } = pool(4);
  for (let fill = 10; fill < 25; fill++) rings[1]?.add(key(fill));
  nodes[3]?.crash();
  const answers = change(cluster, nodes[0], 'add').toSorted((a, b) => (a.node < b.node ? -1 : 1));
  t.deepEqual(
    answers.map(({ node, ok, message }) => [node, ok, message]),
    [
      ['n1', true, ''],
      ['n2', false, 'the keyring is full: it holds 16 keys'],
      ['n3', true, ''],
      ['n4', false, 'it does not answer'],
    ],
  );
});

test('KeyRotation: what cannot be done here is done nowhere; one change at a time; a lone node needs nobody', t => {
  const { cluster, rings, nodes } = pool(2);
  t.throws(() => nodes[0]?.changeKeys('use', second, () => undefined), { code: 'not_found' });
  t.throws(() => nodes[0]?.changeKeys('remove', first, () => undefined), { code: 'conflict' });
  nodes[0]?.changeKeys('add', second, () => undefined);
  t.throws(() => nodes[0]?.changeKeys('add', second, () => undefined), {
    code: 'conflict',
    message: /under way/,
  });
  cluster.run(5000);
  t.is(rings[1]?.all().length, 2);
  const alone = pool(1);
  t.is(change(alone.cluster, alone.nodes[0], 'add').length, 1);
  const open = new Cluster({ seed: 1 }).add({ name: 'a' }).start();
  t.throws(() => open.changeKeys('list', undefined, () => undefined), { code: 'unavailable' });
});

test('KeyRotation: a pool under a new key takes nobody in who has only the old one', t => {
  const { cluster, nodes, rings } = pool(3);
  for (const operation of ['add', 'use', 'remove'] as const)
    change(cluster, nodes[0], operation, operation === 'remove' ? first : second);
  const late = cluster.add({ name: 'late', join: ['10.0.0.1'], keyring: new Keyring([first]) }).start();
  cluster.run(20_000);
  t.deepEqual(late.members(), []);
  t.is(nodes[0]?.sees('late'), undefined);
  t.is(rings.length, 3);
});
