import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { RepairSchedule } from './repair-schedule.ts';

function rig() {
  const clock = new ManualClock();
  const looks: { readonly key: string; readonly at: number; readonly since: number }[] = [];
  const failures: number[] = [];
  const outcome = { isRepaired: false, error: undefined as Error | undefined };
  const schedule = new RepairSchedule(
    { clock },
    {
      async look(key, since) {
        looks.push({ key, at: clock.now(), since });
        if (outcome.error !== undefined) throw outcome.error;
        return outcome.isRepaired;
      },
      onFailure: (_key, _error, retryMs) => void failures.push(retryMs),
    },
  );
  /** In steps, for what ends in between takes turns of the event loop. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await new Promise(resolve => setImmediate(resolve));
    }
  };
  return { clock, looks, failures, outcome, schedule, pass };
}

test('what is suspected is looked at once, after a moment, however often it is told of', async t => {
  const { looks, schedule, pass, clock } = rig();
  const start = clock.now();
  for (let i = 0; i < 20; i++) schedule.suspect('endpoint a');
  schedule.suspect('endpoint b');
  await pass(500);
  t.deepEqual(
    looks.map(({ key }) => key),
    ['endpoint a', 'endpoint b'],
  );
  t.deepEqual(
    looks.map(({ at, since }) => [at - start <= 200, since]),
    [
      [true, start],
      [true, start],
    ],
  );
  t.is(schedule.size, 0, 'what was as it should be is forgotten');
});

test('what is told of without end is put back once a second, and each time within two', async t => {
  const { looks, outcome, schedule, pass } = rig();
  outcome.isRepaired = true;
  for (let i = 0; i < 100; i++) {
    schedule.suspect('endpoint a');
    await pass(100);
  }
  t.true(looks.length >= 8 && looks.length <= 10, `${looks.length} looks in 10 s`);
  for (const { at, since } of looks) t.true(at - since < 1500);
  await pass(3000);
  t.is(schedule.size, 0);
});

test('what cannot be put back is tried again later and later, without being told of again', async t => {
  const { failures, looks, outcome, schedule, pass } = rig();
  outcome.error = new Error('refused');
  schedule.suspect('endpoint a');
  await pass(100_000);
  t.deepEqual(failures, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  outcome.error = undefined;
  await pass(31_000);
  t.is(looks.length, 9);
  t.is(schedule.size, 0);
});

test('a link that was on its way is not looked at, one that somebody deleted is', async t => {
  const { looks, schedule, pass } = rig();
  schedule.suspect('endpoint a', { isSoft: true });
  schedule.clear('endpoint a');
  schedule.suspect('endpoint b', { isSoft: true });
  schedule.suspect('endpoint b');
  schedule.clear('endpoint b');
  await pass(500);
  t.deepEqual(
    looks.map(({ key }) => key),
    ['endpoint b'],
  );
  t.is(schedule.size, 0);
});

test('after a stop nothing is looked at', async t => {
  const { looks, schedule, pass } = rig();
  schedule.suspect('endpoint a');
  schedule.stop();
  schedule.suspect('endpoint b');
  await pass(1000);
  t.deepEqual(looks, []);
});
