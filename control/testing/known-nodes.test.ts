import test from 'ava';
import fc from 'fast-check';
import type { IpAddress } from '../../dataplane/address.ts';
import { encodePushPull, type NodeState, StreamReader } from '../stream.ts';
import { SharedDecoding } from './shared-decoding.ts';

const member = fc.record({
  name: fc.integer({ min: 1, max: 400 }).map(number => `n${number}`),
  incarnation: fc.integer({ min: 1, max: 2 }),
  state: fc.constantFrom('alive' as const, 'suspect' as const, 'left' as const),
  port: fc.constant(7946),
  address: fc.constantFrom('10.0.0.1' as IpAddress, '10.0.0.2' as IpAddress),
  meta: fc.uint8Array({ maxLength: 2 }),
  version: fc.constant(Uint8Array.of(1, 5, 2, 2, 5, 5)),
});

/** Mostly a piece of the same list, with some that differ. */
function listOf(pool: readonly NodeState[]) {
  return fc
    .tuple(fc.nat(pool.length), fc.nat(pool.length), fc.array(fc.tuple(fc.nat(pool.length), member)))
    .map(([a, b, others]) => {
      const list = pool.slice(Math.min(a, b), Math.max(a, b));
      for (const [at, other] of others) list.splice(at, 1, other);
      return list;
    });
}

test('what is recognised is what it would be decoded to, in whatever lists it comes', t => {
  const pools = fc.array(member, { minLength: 300, maxLength: 400 });
  const lists = pools.chain(pool => fc.array(listOf(pool), { minLength: 2, maxLength: 6 }));
  fc.assert(
    fc.property(lists, all => {
      const shared = new SharedDecoding();
      for (const nodes of all) {
        const bytes = encodePushPull({ join: false, nodes });
        t.deepEqual(new StreamReader(shared).push(bytes), new StreamReader().push(bytes));
      }
    }),
    { numRuns: 60 },
  );
});

test('a list that was heard before is held once', t => {
  const shared = new SharedDecoding();
  const nodes = fc.sample(member, { numRuns: 300, seed: 1 });
  const unique = [...new Map(nodes.map(node => [node.name, node])).values()];
  const bytes = encodePushPull({ join: false, nodes: unique });
  const [first, second] = [1, 2].map(() => new StreamReader(shared).push(bytes));
  t.true(first?.type === 'pushPull' && second?.type === 'pushPull');
  if (first?.type !== 'pushPull' || second?.type !== 'pushPull') return;
  t.true(second.nodes.every((node, index) => node === first.nodes[index]));
});
