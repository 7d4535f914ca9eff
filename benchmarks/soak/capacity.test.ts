import test from 'ava';
import { drift } from './capacity.ts';

const flat = (...weft: number[]) => ({ weft, kernel: weft.map(() => 100) });

for (const [what, before, after, share, overlaps] of [
  ['the same', flat(50, 52, 54), flat(50, 52, 54), 0, true],
  ['a fifth slower', flat(50, 50, 50), flat(40, 40, 40), -0.2, false],
  ['slower in the middle, with rounds as fast as before', flat(48, 50, 55), flat(40, 42, 49), -0.16, true],
  // The machine became slower, and the kernel with it.
  ['both slower', flat(50, 50), { weft: [25, 25], kernel: [50, 50] }, 0, true],
] as const) {
  test(`drift: ${what}`, t => {
    const found = drift(before, after);
    t.true(Math.abs(found.share - share) < 1e-9, `${found.share}`);
    t.is(found.overlaps, overlaps);
  });
}
