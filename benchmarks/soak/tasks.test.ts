import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { Mishaps } from './mishaps.ts';
import { Tasks } from './tasks.ts';

/** Lets everything run that waits for no timer. */
const settle = () => new Promise<void>(resolve => setImmediate(resolve));

async function pass(clock: ManualClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1000);
    await settle();
  }
}

function make(): { clock: ManualClock; mishaps: Mishaps; tasks: Tasks; told: string[] } {
  const clock = new ManualClock();
  const told: string[] = [];
  const mishaps = new Mishaps({ second: () => clock.now() / 1000, tell: line => told.push(line) });
  return { clock, mishaps, told, tasks: new Tasks({ clock, mishaps }) };
}

test('each is done at its interval until the end, which waits for no interval', async t => {
  const { clock, tasks } = make();
  tasks.every('moves', 2000, async () => {});
  tasks.every('looks', 5000, async () => {});
  await pass(clock, 11);
  t.deepEqual(await tasks.end(), { moves: 5, looks: 2 });
});

test('what fails is told with its time, and done again', async t => {
  const { clock, tasks, mishaps, told } = make();
  tasks.every('moves', 2000, async () => {
    if (clock.now() === 4000) throw new Error('no route\nand more');
  });
  await pass(clock, 7);
  t.deepEqual(await tasks.end(), { moves: 3 });
  t.deepEqual(mishaps.all, [{ second: 4, what: 'moves', reason: 'no route and more' }]);
  t.deepEqual(told, ['moves failed: no route and more']);
});

test('the end lets what is under way end, and begins nothing more', async t => {
  const { clock, tasks } = make();
  let release = () => {};
  tasks.every('moves', 2000, () => {
    return new Promise(resolve => {
      release = resolve;
    });
  });
  await pass(clock, 3);
  const ended = tasks.end();
  release();
  t.deepEqual(await ended, { moves: 1 });
});

test('one that takes longer than its interval is no burst afterwards', async t => {
  const { clock, tasks } = make();
  let release = () => {};
  let isFirst = true;
  tasks.every('moves', 1000, async () => {
    if (!isFirst) return;
    isFirst = false;
    await new Promise<void>(resolve => {
      release = resolve;
    });
  });
  await pass(clock, 10);
  release();
  await settle();
  await pass(clock, 3);
  const { moves } = await tasks.end();
  t.true((moves ?? 0) <= 5, `${moves}`);
});
