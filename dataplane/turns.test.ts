import test from 'ava';
import { Turns } from './turns.ts';

test('one after the other, in order, whatever fails', async t => {
  const turns = new Turns();
  const done: string[] = [];
  const first = turns.take(async () => {
    await Promise.resolve();
    done.push('first');
    throw new Error('no');
  });
  const second = turns.take(async () => {
    done.push('second');
    return 2;
  });
  const third = turns.take(() => {
    throw new Error('at once');
  });
  await t.throwsAsync(first, { message: 'no' });
  t.is(await second, 2);
  await t.throwsAsync(third, { message: 'at once' });
  t.deepEqual(done, ['first', 'second']);
});

test('done() waits for what has come', async t => {
  const turns = new Turns();
  let isDone = false;
  const work = turns.take(async () => {
    await Promise.resolve();
    isDone = true;
    throw new Error('no');
  });
  const failed = t.throwsAsync(work);
  await turns.done();
  t.true(isDone);
  await failed;
});
