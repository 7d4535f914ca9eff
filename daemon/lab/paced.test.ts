import test from 'ava';
import { delay } from '../../dataplane/clock.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { type PaceOptions, paced } from './paced.ts';

/** Lets time pass, in steps of 10 ms, until the run is over. */
async function drive<T>(clock: ManualClock, run: Promise<T>): Promise<T> {
  let isOver = false;
  const end = run.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await new Promise(resolve => setImmediate(resolve));
    clock.advance(10);
  }
  return await end;
}

/** When each of them started, of works that take so long. */
async function starts(takesMs: number, options: PaceOptions): Promise<number[]> {
  const clock = new ManualClock();
  const at: number[] = [];
  const run = paced({ clock }, options, async () => {
    at.push(clock.now());
    await delay(clock, takesMs);
  });
  await drive(clock, run);
  return at;
}

for (const [title, takesMs, atOnce, expected] of [
  ['keeps the pace', 10, 4, [0, 100, 200, 300]],
  ['goes on while others are under way', 350, 4, [0, 100, 200, 300]],
  ['waits when too many are under way, and makes no burst of it', 500, 2, [0, 100, 500, 600]],
] as const) {
  test(`paced() ${title}`, async t => {
    const goesOn = (started: number) => started < 4;
    t.deepEqual(await starts(takesMs, { perSecond: 10, atOnce, goesOn }), [...expected]);
  });
}

test('paced() starts nothing more after a failure, and throws it', async t => {
  const clock = new ManualClock();
  let started = 0;
  const run = paced({ clock }, { perSecond: 1000, atOnce: 1, goesOn: () => true }, async () => {
    started += 1;
    throw new Error('refused');
  });
  await t.throwsAsync(drive(clock, run), { message: 'refused' });
  t.is(started, 1);
});
