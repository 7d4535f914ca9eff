import test from 'ava';
import fc from 'fast-check';
import { AddressPool } from './address-pool.ts';
import { type Block, holds } from './block.ts';
import { Space } from './space.ts';

const REST = 1000;

function pool(
  owned: readonly Block[] = [{ offset: 0n, bits: 3 }],
  leaving: readonly Block[] = [],
): AddressPool {
  const space = new Space({ prefix: '10.0.0.0/26', exclude: ['10.0.0.1'], static: ['10.0.0.2'] });
  const made = new AddressPool(space, { rest: REST });
  made.set(owned, leaving);
  return made;
}

function fill(target: AddressPool, wall = 0): (bigint | undefined)[] {
  return Array.from({ length: 7 }, (_, index) => target.take(`c${index}`, wall));
}

test('addresses are taken in order, past what is reserved, until there are none', t => {
  const target = pool();
  t.is(target.free(0), 5);
  t.deepEqual(fill(target), [3n, 4n, 5n, 6n, 7n, undefined, undefined]);
  t.is(target.take('c1', 0), 4n, 'the same for the same owner');
  t.is(target.free(0), 0);
});

test('a released address rests, and the oldest comes first', t => {
  const target = pool();
  fill(target);
  target.release(6n, 100);
  target.release(4n, 200);
  t.false(target.release(4n, 300));
  t.is(target.take('new', 1099), undefined);
  t.is(target.nextRested(1099), 1100);
  t.is(target.take('new', 1250), 6n);
  t.is(target.take('newer', 1250), 4n);
});

test('what was never used comes before what has rested', t => {
  const target = pool();
  t.is(target.take('a', 0), 3n);
  target.release(3n, 0);
  t.is(target.take('b', 5000), 4n);
});

test('what rests goes on to rest in the next process, and what has rested is taken again', t => {
  const target = pool();
  fill(target);
  target.release(3n, 0);
  target.release(4n, 900);
  const next = pool();
  next.restore(target.claims, target.released(1000));
  t.deepEqual([next.free(1000), next.nextRested(1000)], [1, 1900]);
  t.is(next.take('new', 1000), 3n);
  t.is(next.take('newer', 1899), undefined);
  t.is(next.take('newer', 1900), 4n);
});

test('fixed addresses: free, static and resting ones, but nobody else’s', t => {
  const target = pool();
  t.true(target.takeFixed('a', 2n));
  t.true(target.takeFixed('a', 2n));
  t.throws(() => target.takeFixed('b', 2n), { code: 'conflict' });
  t.throws(() => target.takeFixed('a', 3n), { code: 'conflict' });
  target.release(2n, 0);
  t.true(target.takeFixed('b', 2n));
});

test('what is promised to others is not used', t => {
  const target = pool([{ offset: 0n, bits: 3 }], [{ offset: 4n, bits: 2 }]);
  t.is(target.free(0), 1);
  t.deepEqual(fill(target).slice(0, 2), [3n, undefined]);
  t.false(target.takeFixed('x', 5n));
  t.false(target.isSpare(5n));
});

test('half of the largest free part is spare, and nothing that is used or rests', t => {
  const owned = [{ offset: 8n, bits: 3 }];
  t.deepEqual(pool(owned).spare(0), { offset: 12n, bits: 2 });
  const change = fc.record({
    used: fc.uniqueArray(fc.bigInt(8n, 15n), { maxLength: 8 }),
    released: fc.nat(8),
    wall: fc.constantFrom(10, 2000),
  });
  fc.assert(
    fc.property(change, ({ used, released, wall }) => {
      const target = pool(owned);
      for (const offset of used) target.takeFixed(`c${offset}`, offset);
      for (const offset of used.slice(0, released)) target.release(offset, 0);
      const spare = target.spare(wall);
      const taken = used.filter((_, index) => index >= released || wall < REST);
      if (spare === undefined) return taken.length === 8;
      return !taken.some(offset => holds(spare, offset)) && holds({ offset: 8n, bits: 3 }, spare.offset);
    }),
  );
});
