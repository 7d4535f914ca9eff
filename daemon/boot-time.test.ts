import test from 'ava';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { BootTime, readBootId } from './boot-time.ts';

test('the age of a stamp counts suspension and no setting of the clock', t => {
  const clock = new ManualClock();
  clock.advance(1000);
  const stamp = new BootTime({ clock }).stamp();
  t.deepEqual(stamp, { boot: readBootId(), at: 1000 });
  clock.advance(500);
  clock.suspend(2000);
  clock.stepWall(-86_400_000);
  t.is(new BootTime({ clock }).age(stamp), 2500);
});

test('a stamp of another start of the machine is older than anything', t => {
  const clock = new ManualClock();
  clock.advance(1000);
  const stamp = new BootTime({ clock }, { bootId: 'one' }).stamp();
  t.is(new BootTime({ clock }, { bootId: 'two' }).age(stamp), Number.POSITIVE_INFINITY);
  const fresh = new ManualClock();
  t.is(new BootTime({ clock: fresh }, { bootId: 'one' }).age(stamp), Number.POSITIVE_INFINITY);
});
