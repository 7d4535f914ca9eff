import test from 'ava';
import fc from 'fast-check';
import { USABLE_BOUNDS_MS, UsableHistogram } from './usable-histogram.ts';

function reportOf(samples: readonly number[]) {
  const histogram = new UsableHistogram();
  for (const sample of samples) histogram.add(sample);
  return histogram.report();
}

test('an empty histogram has its buckets, and no quantiles', t => {
  const { buckets, ...rest } = reportOf([]);
  t.deepEqual(rest, { count: 0, skewed: 0, p50: null, p99: null, max: null });
  t.deepEqual(
    buckets.map(({ le }) => le),
    [...USABLE_BOUNDS_MS, null],
  );
  t.true(buckets.every(({ count }) => count === 0));
});

const tables: [string, readonly number[], Partial<ReturnType<typeof reportOf>>][] = [
  ['a bound belongs to its bucket', [1], { p50: 1, p99: 1, max: 1 }],
  ['a quantile is the upper bound of its bucket', [3, 3, 30], { p50: 5, p99: 30, max: 30 }],
  ['but not above the highest sample', [3], { p50: 3, p99: 3, max: 3 }],
  ['one in a hundred does not move p99', [...Array(99).fill(1.5), 400], { p50: 2, p99: 2, max: 400 }],
  ['two in a hundred do', [...Array(98).fill(1.5), 400, 400], { p50: 2, p99: 400, max: 400 }],
  ['beyond the last bound the highest sample stands', [60_000, 90_000], { p50: 90_000, p99: 90_000 }],
  ['time that ran backwards is counted apart', [-5, -0.1, 4], { count: 1, skewed: 2, p50: 4, max: 4 }],
  ['a day is the difference of two clocks', [86_400_004, 4], { count: 1, skewed: 1, p50: 4, max: 4 }],
  ['zero is a time', [0, -0], { count: 2, skewed: 0, max: 0 }],
  ['what is no number is nothing', [Number.NaN], { count: 0, skewed: 0, max: null }],
  ['fractions have two decimals', [0.123_456], { max: 0.12, p50: 0.12 }],
];

for (const [what, samples, expected] of tables) {
  test(what, t => {
    t.like(reportOf(samples), expected);
  });
}

test('buckets are cumulative, and the last holds all', t => {
  const { buckets } = reportOf([0.5, 1.5, 1.6, 20_000]);
  const counts = buckets.map(({ le, count }) => [le, count]);
  t.deepEqual(counts.slice(0, 3), [
    [1, 1],
    [2, 3],
    [5, 3],
  ]);
  t.deepEqual(counts.at(-2), [10_000, 3]);
  t.deepEqual(counts.at(-1), [null, 4]);
});

test('a quantile is never below the true one, nor above the bound of its bucket', t => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 30_000, noNaN: true }), { minLength: 1 }), samples => {
      const sorted = samples.toSorted((a, b) => a - b);
      const { p50, p99, max, count } = reportOf(samples);
      t.is(count, samples.length);
      for (const [share, value] of [
        [0.5, p50],
        [0.99, p99],
      ] as const) {
        const truth = sorted[Math.ceil(share * samples.length) - 1] ?? 0;
        const bound = USABLE_BOUNDS_MS.find(limit => truth <= limit) ?? Number.POSITIVE_INFINITY;
        // Two decimals are all that is told.
        t.true((value ?? 0) >= truth - 0.005 && (value ?? 0) <= bound, `${share} of ${samples}`);
        t.true((value ?? 0) <= (max ?? 0));
      }
    }),
    { seed: 42, numRuns: 200 },
  );
});
