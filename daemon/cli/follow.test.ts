import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { follow } from './follow.ts';

/** Lets what was resolved run on. */
const settle = () => new Promise(resolve => setImmediate(resolve));

test('follow shows at once and then each interval, until it is interrupted', async t => {
  const clock = new ManualClock();
  const controller = new AbortController();
  let shown = 0;
  const done = follow(clock, 1000, controller.signal, async () => {
    shown += 1;
  });
  await settle();
  t.is(shown, 1);
  clock.advance(999);
  await settle();
  t.is(shown, 1);
  clock.advance(1);
  await settle();
  t.is(shown, 2);
  controller.abort();
  await done;
  clock.advance(10_000);
  await settle();
  t.is(shown, 2);
});

test('follow can be interrupted while an answer is outstanding, and before it begins', async t => {
  const controller = new AbortController();
  const done = follow(new ManualClock(), 1000, controller.signal, () => new Promise(() => {}));
  await settle();
  controller.abort();
  await done;
  await follow(new ManualClock(), 1000, controller.signal, () => t.fail());
  t.pass();
});

test('follow ends with the failure of what it shows', async t => {
  const fail = () => Promise.reject(new Error('gone'));
  await t.throwsAsync(follow(new ManualClock(), 1000, new AbortController().signal, fail), {
    message: 'gone',
  });
});
