import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { FileEpochStore } from './epoch-store.ts';

test('FileEpochStore gives back what was saved last, to the node that saved it', async t => {
  const stateDirectory = join(await tempDirectory(t), 'state');
  const { log, lines } = memoryLog();
  const store = new FileEpochStore({ log }, { stateDirectory, node: 'vm-a' });
  t.is(store.load(), 0);
  store.save(1);
  await t.throwsAsync(stat(stateDirectory), { code: 'ENOENT' }, 'nothing before it has begun');
  store.begin();
  t.is(store.load(), 1);
  store.save(7);
  t.is(store.load(), 7);
  t.is((await stat(join(stateDirectory, 'record-log.json'))).mode & 0o777, 0o600);
  t.is(new FileEpochStore({ log }, { stateDirectory, node: 'vm-b' }).load(), 0);
  t.deepEqual(lines, []);
});

test('FileEpochStore begins anew with what it cannot read, and says so', async t => {
  const stateDirectory = await tempDirectory(t);
  const { log, lines } = memoryLog();
  const store = new FileEpochStore({ log }, { stateDirectory, node: 'vm-a' });
  for (const text of ['', '{}', '{"version":1,"node":"vm-a","starts":-1}']) {
    await writeFile(join(stateDirectory, 'record-log.json'), text);
    t.is(store.load(), 0);
    t.like(lines.at(-1), { level: 'warn', msg: 'the counter of the record log cannot be read' });
  }
});

test('FileEpochStore throws what cannot be saved', async t => {
  const stateDirectory = await tempDirectory(t);
  await writeFile(join(stateDirectory, 'file'), '');
  const { log } = memoryLog();
  const store = new FileEpochStore({ log }, { stateDirectory: join(stateDirectory, 'file'), node: 'vm-a' });
  store.save(1);
  t.throws(() => store.begin(), { code: 'system', message: /cannot write/ });
  t.throws(() => store.save(2), { code: 'system', message: /cannot write/ });
});
