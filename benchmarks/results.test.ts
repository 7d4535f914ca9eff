import test from 'ava';
import { find, present, type Result, ratioOf } from './results.ts';

function result(subject: string, samples: (number | null)[]): Result {
  return { underlay: 'veth', metric: 'tcp-1', subject, samples };
}

test('ratioOf() is the ratio of medians, with the spread of the ratios within the rounds', t => {
  // Medians 4 and 2; round by round 2, 1.5 and 4.
  t.deepEqual(ratioOf(result('a', [4, 3, 8]), result('b', [2, 2, 2])), { median: 2, min: 1.5, max: 4 });
});

test('ratioOf() passes over rounds in which one of the two failed', t => {
  t.deepEqual(ratioOf(result('a', [4, null, 6]), result('b', [2, 2, null])), { median: 2.5, min: 2, max: 2 });
});

test('ratioOf() is nothing without samples, without a common round and to zero', t => {
  t.is(ratioOf(result('a', [1]), undefined), undefined);
  t.is(ratioOf(undefined, result('b', [1])), undefined);
  t.is(ratioOf(result('a', [1]), result('b', [null])), undefined);
  t.is(ratioOf(result('a', [1, null]), result('b', [null, 1])), undefined);
  t.is(ratioOf(result('a', [1]), result('b', [0])), undefined);
});

test('find() and present()', t => {
  const results = [result('a', [1, null]), result('b', [2])];
  t.is(find(results, 'veth', 'tcp-1', 'b'), results[1]);
  t.is(find(results, 'wire-like', 'tcp-1', 'b'), undefined);
  t.deepEqual(present(results[0]), [1]);
  t.deepEqual(present(undefined), []);
});
