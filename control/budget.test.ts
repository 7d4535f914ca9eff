import test from 'ava';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { Budget } from './budget.ts';

/** How many are granted of so many. */
function granted(budget: Budget, count: number): number {
  return Array.from({ length: count }, () => budget.take()).filter(Boolean).length;
}

test('a burst, then the rate, and after a rest a burst again', t => {
  const clock = new ManualClock();
  const budget = new Budget({ clock }, { perSecond: 100, burst: 40 });
  t.is(granted(budget, 100), 40);
  clock.advance(50);
  t.is(granted(budget, 100), 5);
  clock.advance(10_000);
  t.is(granted(budget, 100), 40);
});

test('asking all the time at the rate is granted, and no more than that', t => {
  const clock = new ManualClock();
  const budget = new Budget({ clock }, { perSecond: 100, burst: 40 });
  let total = 0;
  for (let i = 0; i < 1000; i++) {
    total += granted(budget, 2);
    clock.advance(10);
  }
  t.true(total >= 1000 && total <= 1041, `${total}`);
});

test('it is strained when more than half of the burst is gone', t => {
  const clock = new ManualClock();
  const budget = new Budget({ clock }, { perSecond: 100, burst: 40 });
  granted(budget, 20);
  t.false(budget.isStrained);
  granted(budget, 1);
  t.true(budget.isStrained);
});

test('all or nothing, and full again after a rest', t => {
  const clock = new ManualClock();
  const budget = new Budget({ clock }, { perSecond: 100, burst: 500 });
  t.true(budget.isFull);
  t.true(budget.take(400));
  t.false(budget.take(101));
  t.true(budget.take(100));
  t.false(budget.isFull);
  clock.advance(5000);
  t.true(budget.isFull);
});
