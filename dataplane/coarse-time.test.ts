import test from 'ava';
import { CoarseTime } from './coarse-time.ts';
import { ManualClock } from './testing/manual-clock.ts';

test('follows its clock, a quarter of a second coarse, until it is closed', t => {
  const clock = new ManualClock();
  clock.advance(17);
  const time = new CoarseTime({ clock });
  t.is(time.ms[0], 17);
  clock.advance(249);
  t.is(time.ms[0], 17);
  clock.advance(1);
  t.is(time.ms[0], 267);
  clock.advance(10_000);
  t.is(time.ms[0], 10_267);
  time.close();
  clock.advance(10_000);
  t.is(time.ms[0], 10_267);
});
