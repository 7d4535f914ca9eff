import test from 'ava';
import fc from 'fast-check';
import { humanBytes, humanCount, humanMilliseconds, humanSeconds } from './units.ts';

test('humanBytes, humanCount, humanSeconds: tables', t => {
  const bytes: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1_610_612_736, '1.5 GiB'],
    [734_003_200, '700 MiB'],
    [1024 * 1024 - 1, '1.0 MiB'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB'],
  ];
  for (const [value, text] of bytes) t.is(humanBytes(value), text);
  const counts: readonly (readonly [number, string])[] = [
    [0, '0'],
    [999, '999'],
    [1000, '1.0 k'],
    [998_004, '998 k'],
    [999_999, '1.0 M'],
    [1_204_511, '1.2 M'],
  ];
  for (const [value, text] of counts) t.is(humanCount(value), text);
  const seconds: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [0.44, '0.4s'],
    [2.25, '2.2s'],
    [9.99, '9.9s'],
    [59.9, '59s'],
    [60, '1m 0s'],
    [3599, '59m 59s'],
    [7832.5, '2h 10m'],
    [86_400 * 12 + 3 * 3600, '12d 3h'],
  ];
  for (const [value, text] of seconds) t.is(humanSeconds(value), text);
});

test('humanMilliseconds: a table', t => {
  const table: readonly (readonly [number, string])[] = [
    [0, '0ms'],
    [0.384, '0.38ms'],
    [1.2, '1.2ms'],
    [9.999, '10ms'],
    [61.44, '61.4ms'],
    [180.4, '180ms'],
    [999.9, '1000ms'],
    [1000, '1s'],
    [12_345, '12s'],
  ];
  for (const [value, text] of table) t.is(humanMilliseconds(value), text);
});

test('humanBytes and humanCount never need more than four digits', t => {
  fc.assert(
    fc.property(fc.maxSafeNat(), value => {
      t.regex(humanBytes(value), /^\d{1,4}(\.\d)? ([KMGTP]i)?B$/);
      t.regex(humanCount(value), /^(\d{1,3}|\d{1,3}(\.\d)? [kMGTP]|\d{4} P)$/);
    }),
    { seed: 42 },
  );
});
