import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { fuzzSeeds } from './seeds.ts';

const SEEDS = fileURLToPath(new URL('../../../../dataplane/native/fuzz/seeds/', import.meta.url));

test('the seeds in the repository are those that write-seeds.js makes', t => {
  const different = fuzzSeeds().filter(({ target, name, bytes }) => {
    const path = `${SEEDS}${target}/${name}`;
    return !existsSync(path) || Buffer.compare(readFileSync(path), bytes) !== 0;
  });
  t.deepEqual(
    different.map(({ target, name }) => `${target}/${name}`),
    [],
    'run: node dist/dataplane/native/fuzz/write-seeds.js',
  );
  t.true(fuzzSeeds().length > 50);
});
