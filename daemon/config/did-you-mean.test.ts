import test from 'ava';
import fc from 'fast-check';
import { didYouMean, editDistance } from './did-you-mean.ts';

const KEYS = ['name', 'vni', 'subnet', 'attach', 'mtu', 'static_vteps'];

test('didYouMean: table', t => {
  const table: readonly (readonly [string, string | undefined])[] = [
    ['vnii', 'vni'],
    ['nvi', 'vni'],
    ['VNI', 'vni'],
    ['naem', 'name'],
    ['subnets', 'subnet'],
    ['staticVteps', 'static_vteps'],
    ['static-vtep', 'static_vteps'],
    ['colour', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ];
  for (const [word, expected] of table) t.is(didYouMean(word, KEYS), expected, word.slice(0, 20));
});

test('editDistance is 0 of a word to itself, symmetric, and 1 for one edit', t => {
  const word = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(word, word, fc.nat(12), (a, b, position) => {
      t.is(editDistance(a, a), 0);
      t.is(editDistance(a, b), editDistance(b, a));
      t.is(editDistance(a, `${a.slice(0, position)}\u0001${a.slice(position)}`), 1);
      t.true(editDistance(a, b) <= Math.max(a.length, b.length));
    }),
    { seed: 42 },
  );
});
