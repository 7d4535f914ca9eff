import test from 'ava';
import fc from 'fast-check';
import { percentile, summarize } from './statistics.ts';

test('summarize() takes the middle sample, or the mean of the two in the middle', t => {
  t.deepEqual(summarize([3, 1, 2]), { median: 2, min: 1, max: 3 });
  t.deepEqual(summarize([10, 1, 3, 2]), { median: 2.5, min: 1, max: 10 });
  t.deepEqual(summarize([5]), { median: 5, min: 5, max: 5 });
});

test('summarize() of nothing is a RangeError', t => {
  t.throws(() => summarize([]), { instanceOf: RangeError });
});

test('summarize() depends on no order, and as many samples lie above the median as below', t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), samples => {
      const { median, min, max } = summarize(samples);
      const above = samples.filter(sample => sample > median).length;
      const below = samples.filter(sample => sample < median).length;
      const same = JSON.stringify(summarize([...samples].reverse())) === JSON.stringify({ median, min, max });
      return (
        same && min <= median && median <= max && above * 2 <= samples.length && below * 2 <= samples.length
      );
    }),
    { seed: 42 },
  );
  t.pass();
});

for (const [values, share, expected] of [
  [[3, 1, 2], 0.5, 2],
  [[3, 1, 2], 0.99, 3],
  [[7], 0.01, 7],
  [Array.from({ length: 200 }, (_, i) => i + 1), 0.99, 198],
] as const) {
  test(`percentile ${share} of ${values.length} values is ${expected}`, t => {
    t.is(percentile(values, share), expected);
  });
}

test('nothing has no percentile', t => {
  t.throws(() => percentile([], 0.5), { instanceOf: RangeError });
});
