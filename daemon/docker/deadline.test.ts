import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { inTime } from './deadline.ts';

function rig() {
  const clock = new ManualClock();
  const { log, lines } = memoryLog();
  let finish: (value: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const work = new Promise<string>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  let takenBack = 0;
  const answer = inTime({ clock, log }, 'NetworkDriver.Join', work, async () => {
    takenBack += 1;
  });
  return { clock, lines, answer, finish, fail, takenBack: () => takenBack };
}

/** Lets what follows from a promise happen. */
const settled = () => new Promise(resolve => setImmediate(resolve));

test('inTime: what is done in time is the answer, and stays', async t => {
  const { answer, clock, finish, takenBack } = rig();
  clock.advance(19_999);
  finish('done');
  t.is(await answer, 'done');
  clock.advance(60_000);
  await settled();
  t.is(takenBack(), 0);
});

test('inTime: what takes longer is refused, and taken back when it is done at last', async t => {
  const { answer, clock, finish, takenBack } = rig();
  clock.advance(20_000);
  await t.throwsAsync(answer, {
    code: 'unavailable',
    message: 'weft did not carry out NetworkDriver.Join within 20 s',
  });
  t.is(takenBack(), 0);
  finish('late');
  await settled();
  t.is(takenBack(), 1);
});

test('inTime: what fails late leaves nothing to take back, and a line in the log', async t => {
  const { answer, clock, fail, lines, takenBack } = rig();
  clock.advance(20_000);
  await t.throwsAsync(answer);
  fail(new Error('disk full'));
  await settled();
  t.is(takenBack(), 0);
  t.like(lines.at(-1), { msg: 'a call of Docker that came too late has failed' });
});

test('inTime: what fails in time fails as it did', async t => {
  const { answer, fail, lines } = rig();
  fail(new Error('taken'));
  await t.throwsAsync(answer, { message: 'taken' });
  t.deepEqual(lines, []);
});
