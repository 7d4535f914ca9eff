import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { tempDirectory } from '../testing/temp-directory.ts';
import { writeConfigFile } from './write-config.ts';

test('a file is replaced behind its link, with its mode, and nothing else is left', async t => {
  const directory = await tempDirectory(t);
  const file = join(directory, 'real.yaml');
  const link = join(directory, 'weft.yaml');
  await writeFile(file, 'old', { mode: 0o640 });
  await symlink(file, link);
  await writeConfigFile(link, 'new');
  t.true((await lstat(link)).isSymbolicLink());
  t.is(await readFile(file, 'utf8'), 'new');
  t.is((await stat(file)).mode & 0o777, 0o640);
  t.deepEqual((await readdir(directory)).toSorted(), ['real.yaml', 'weft.yaml']);
});

test('a new file is for its owner alone; what cannot be written throws', async t => {
  const directory = await tempDirectory(t);
  const file = join(directory, 'weft.yaml');
  await writeConfigFile(file, 'new');
  t.is((await stat(file)).mode & 0o777, 0o600);
  const taken = join(directory, 'taken');
  await mkdir(taken);
  await t.throwsAsync(writeConfigFile(taken, 'new'));
  t.deepEqual((await readdir(directory)).toSorted(), ['taken', 'weft.yaml']);
});
