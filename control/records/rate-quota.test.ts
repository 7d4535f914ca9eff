import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { RateQuota } from './rate-quota.ts';

test('each origin has a burst, and what it gains in time', t => {
  const clock = new ManualClock();
  const quota = new RateQuota({ clock }, { perSecond: 100, burst: 500 });
  t.true(quota.take('a', 500));
  t.false(quota.take('a', 1));
  t.true(quota.take('a', 0), 'nothing costs nothing');
  t.true(quota.take('b', 500), 'others have their own');
  clock.advance(1000);
  t.false(quota.take('a', 101), 'all or nothing');
  t.true(quota.take('a', 100));
  clock.advance(60_000);
  quota.tidy();
  t.false(quota.take('a', 501), 'no more than the burst');
  t.true(quota.take('a', 500));
});
