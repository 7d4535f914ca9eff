import test from 'ava';
import { axis, tickText } from './axis.ts';

test('axis() begins a linear axis at 0 and ends it at the round value that covers all', t => {
  const { ticks, at } = axis({ label: 'a' }, [0.31, 1.12], 100, 0);
  t.deepEqual(ticks, [0, 0.25, 0.5, 0.75, 1, 1.25]);
  t.is(at(0), 100);
  t.is(at(1.25), 0);
});

test('axis() has room below 0 for values that are there', t => {
  t.deepEqual(axis({ label: 'a' }, [-40, 60], 0, 100).ticks, [-40, -20, 0, 20, 40, 60]);
});

test('axis() gives every factor of a logarithmic axis the same room', t => {
  const { ticks, at } = axis({ label: 'a', scale: 'log' }, [1, 100, 1000], 0, 300);
  t.deepEqual(ticks, [1, 10, 100, 1000]);
  t.deepEqual([1, 10, 100, 1000].map(at).map(Math.round), [0, 100, 200, 300]);
});

test('axis() puts the only value of a logarithmic axis in its middle', t => {
  t.is(axis({ label: 'a', scale: 'log' }, [7], 0, 300).at(7), 150);
});

test('axis() of nothing, of no number, and of 0 on a logarithmic axis is a RangeError', t => {
  t.throws(() => axis({ label: 'a' }, [], 0, 1), { instanceOf: RangeError, message: /^a: / });
  t.throws(() => axis({ label: 'a' }, [Number.NaN], 0, 1), { instanceOf: RangeError });
  t.throws(() => axis({ label: 'a', scale: 'log' }, [0, 1], 0, 1), { instanceOf: RangeError });
});

test('tickText() groups thousands and shows no dust of binary fractions', t => {
  t.deepEqual([0, 0.1 + 0.2, 999, 50_000, 1_234_567.5, 0.95].map(tickText), [
    '0',
    '0.3',
    '999',
    '50,000',
    '1,234,567.5',
    '0.95',
  ]);
});
