/** `node dist/dataplane/native/fuzz/write-seeds.js`: writes dataplane/native/fuzz/seeds/TARGET/NAME. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fuzzSeeds } from './seeds.ts';

const SEEDS = fileURLToPath(new URL('../../../../dataplane/native/fuzz/seeds/', import.meta.url));

for (const { target, name, bytes } of fuzzSeeds()) {
  mkdirSync(`${SEEDS}${target}`, { recursive: true });
  writeFileSync(`${SEEDS}${target}/${name}`, bytes);
}
