import test from 'ava';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { LAN_PROFILE } from './constants.ts';
import { Suspicion, suspicionBounds, suspicionTimeout } from './suspicion.ts';

test('suspicionBounds grow with the logarithm of the pool', t => {
  t.deepEqual(suspicionBounds(LAN_PROFILE, 2), { expected: 0, shortest: 4000, longest: 24_000 });
  t.deepEqual(suspicionBounds(LAN_PROFILE, 3), { expected: 0, shortest: 4000, longest: 24_000 });
  t.deepEqual(suspicionBounds(LAN_PROFILE, 4), { expected: 2, shortest: 4000, longest: 24_000 });
  t.deepEqual(suspicionBounds(LAN_PROFILE, 1000), { expected: 2, shortest: 12_000, longest: 72_000 });
  t.deepEqual(suspicionBounds(LAN_PROFILE, 10_000), { expected: 2, shortest: 16_000, longest: 96_000 });
});

test('suspicionTimeout falls from the longest to the shortest with each confirmation', t => {
  // The table of memberlist's suspicion_test.go: k = 3, 2 s to 30 s.
  const bounds = { expected: 3, shortest: 2000, longest: 30_000 };
  const seconds = [0, 1, 2, 3, 4, 5].map(count => Math.floor(suspicionTimeout(bounds, count) / 1000));
  t.deepEqual(seconds, [30, 16, 7, 2, 2, 2]);
  t.is(suspicionTimeout({ ...bounds, expected: 0 }, 0), 2000);
});

function suspicion(expected: number) {
  const clock = new ManualClock();
  let timedOutAt: number | undefined;
  const running = new Suspicion(
    { clock },
    {
      bounds: { expected, shortest: 2000, longest: 30_000 },
      accuser: 'a',
      onTimeout: () => {
        timedOutAt = clock.now();
      },
    },
  );
  return { clock, running, timedOutAt: () => timedOutAt };
}

test('Suspicion times out after the longest time if nobody confirms', t => {
  const { clock, timedOutAt } = suspicion(3);
  clock.advance(60_000);
  t.is(timedOutAt(), 30_000);
});

test('Suspicion counts each accuser once, and not the first', t => {
  const { clock, running, timedOutAt } = suspicion(3);
  t.false(running.confirm('a'));
  t.true(running.confirm('b'));
  t.false(running.confirm('b'));
  clock.advance(60_000);
  t.is(timedOutAt(), 16_000);
});

test('Suspicion times out at once when confirmations leave less time than has passed', t => {
  const { clock, running, timedOutAt } = suspicion(3);
  clock.advance(10_000);
  for (const accuser of ['b', 'c', 'd']) t.true(running.confirm(accuser));
  t.false(running.confirm('e'));
  clock.advance(0);
  t.is(timedOutAt(), 10_000);
});

test('Suspicion that is cancelled does not time out', t => {
  const { clock, running, timedOutAt } = suspicion(0);
  running.cancel();
  clock.advance(60_000);
  t.is(timedOutAt(), undefined);
});
