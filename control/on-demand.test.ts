import test from 'ava';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { OnDemand } from './on-demand.ts';

function rig({ wait = 100 } = {}) {
  const clock = new ManualClock();
  const calls: number[] = [];
  const state = { work: 0 };
  const demand = new OnDemand(
    { clock },
    {
      wait: () => wait,
      isNeeded: () => state.work > 0,
      action: () => {
        calls.push(clock.now());
        state.work -= 1;
      },
    },
  );
  const add = (work: number) => {
    state.work += work;
    demand.wake();
  };
  return { clock, calls, demand, add };
}

test('while nothing is to be done nothing wakes up', t => {
  const { clock, demand } = rig();
  demand.start(30);
  clock.advance(60_000);
  t.is(clock.wakeUps, 0);
});

test('what comes up is done at the next beat, and the beats are as far apart as if it never slept', t => {
  const { clock, calls, demand, add } = rig();
  demand.start(30);
  clock.advance(1000);
  add(2);
  clock.advance(5000);
  add(1);
  clock.advance(5000);
  t.deepEqual(calls, [1030, 1130, 6030]);
  t.is(clock.wakeUps, 3);
});

test('what comes up on a beat is done at once', t => {
  const { clock, calls, demand, add } = rig();
  demand.start(0);
  clock.advance(500);
  add(1);
  clock.advance(1000);
  t.deepEqual(calls, [500]);
});

test('the first beat is not before its time, however often it is woken', t => {
  const { clock, calls, demand, add } = rig();
  add(1);
  clock.advance(500);
  demand.start(70);
  demand.wake();
  clock.advance(500);
  t.deepEqual(calls, [570]);
});

test('stopped, it neither acts nor wakes; started anew, it does', t => {
  const { clock, calls, demand, add } = rig();
  demand.start(10);
  add(5);
  clock.advance(10);
  demand.stop();
  demand.wake();
  clock.advance(1000);
  t.deepEqual(calls, [10]);
  demand.start(0);
  clock.advance(0);
  t.deepEqual(calls, [10, 1010]);
});

test('the action may stop it', t => {
  const clock = new ManualClock();
  let calls = 0;
  const demand: OnDemand = new OnDemand(
    { clock },
    {
      wait: () => 10,
      isNeeded: () => true,
      action: () => {
        calls++;
        demand.stop();
      },
    },
  );
  demand.start(0);
  clock.advance(1000);
  t.is(calls, 1);
});
