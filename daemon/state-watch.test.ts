import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { replaceStateFile } from './state-file.ts';
import { StateWatch } from './state-watch.ts';
import { memoryLog } from './testing/memory-log.ts';
import { tempDirectory } from './testing/temp-directory.ts';

async function rig(t: ExecutionContext) {
  const directory = join(await tempDirectory(t), 'state');
  mkdirSync(directory);
  const clock = new ManualClock();
  const { log, lines } = memoryLog();
  const rewritten: string[] = [];
  const kept = ['endpoints', 'peers'].map(name => ({ rewrite: () => void rewritten.push(name) }));
  const watch = new StateWatch({ clock, log }, { kept: () => kept });
  t.teardown(() => watch.stop());
  const events = () => lines.map(({ event }) => event);
  return { clock, directory, events, rewritten, watch };
}

/** In the place of the directory: nothing can be written below it. */
function block(directory: string): void {
  rmSync(directory, { recursive: true });
  writeFileSync(directory, '');
}

function unblock(directory: string): void {
  rmSync(directory);
  mkdirSync(directory);
}

test.serial(
  'what cannot be written is said once, and once that it can be again; then who is behind writes',
  async t => {
    const { clock, directory, events, rewritten, watch } = await rig(t);
    const [one, other] = ['a.json', 'b.json'].map(name => join(directory, name)) as [string, string];
    replaceStateFile(one, 'x');
    t.deepEqual(watch.report(), { writable: true, refused: [], failures: 0 });
    block(directory);
    for (const file of [other, one, one])
      t.throws(() => replaceStateFile(file, 'y'), { message: /cannot write/ });
    const { writable, refused, failures } = watch.report();
    t.false(writable);
    t.deepEqual(
      refused.map(({ file }) => file),
      [one, other],
    );
    t.is(failures, 3);
    t.deepEqual(events(), ['state_refused']);
    clock.advance(10_000);
    t.deepEqual(rewritten, []);
    unblock(directory);
    clock.advance(2000);
    t.deepEqual(events(), ['state_refused', 'state_written']);
    t.deepEqual(rewritten, ['endpoints', 'peers']);
    t.deepEqual(watch.report(), { writable: true, refused: [], failures: 3 });
  },
);

test.serial('a write that succeeds meanwhile is as good as a look', async t => {
  const { clock, directory, events, rewritten, watch } = await rig(t);
  const file = join(directory, 'a.json');
  block(directory);
  t.throws(() => replaceStateFile(file, 'x'));
  unblock(directory);
  replaceStateFile(file, 'x');
  t.true(watch.report().writable);
  t.is(rewritten.length, 2);
  clock.advance(10_000);
  t.deepEqual(events(), ['state_refused', 'state_written']);
});

test.serial('after its stop it sees nothing', async t => {
  const { clock, directory, events, watch } = await rig(t);
  watch.stop();
  block(directory);
  t.throws(() => replaceStateFile(join(directory, 'a.json'), 'x'));
  clock.advance(10_000);
  t.deepEqual(events(), []);
});
