/** Memory that the addon makes for JavaScript. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { delay, systemClock } from '../clock.ts';
import { batchIo } from './batch-io.ts';

/** Far more than V8 grows or shrinks by meanwhile: the memory that it keeps for code is not inherited either. */
const SIZE = 16 * 1024 * 1024;
const HALF = SIZE / 2;

/** Bytes of this process that no child inherits: mappings with VM_DONTCOPY, "dc" in smaps of proc(5). */
function notInherited(): number {
  let bytes = 0;
  for (const mapping of readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    if (!/^VmFlags:.* dc( |$)/m.test(mapping)) continue;
    bytes += Number(/^Size: +(\d+) kB$/m.exec(mapping)?.[1]) * 1024;
  }
  return bytes;
}

test.serial('an arena is zeroed memory of its own, which children do not inherit', t => {
  const before = notInherited();
  const arena = new Uint8Array(batchIo.createArena(SIZE));
  t.is(arena.length, SIZE);
  t.true(arena.every(byte => byte === 0));
  arena.fill(0xa5);
  const grown = notInherited() - before;
  t.true(grown > HALF && grown < SIZE + HALF, `${grown} more bytes that no child inherits, ${SIZE} expected`);
  t.is(spawnSync('true').status, 0);
  t.true(arena.every(byte => byte === 0xa5));
});

test.serial('an arena that nobody refers to is given back', async t => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const before = notInherited();
  for (let i = 0; i < 20; i++) new Uint8Array(batchIo.createArena(SIZE)).fill(1);
  while (notInherited() > before + HALF) {
    collect();
    await delay(systemClock, 1);
  }
  t.pass();
});

test('an arena has a size', t => {
  for (const size of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
    t.throws(() => batchIo.createArena(size), { instanceOf: RangeError, message: 'size' });
  }
});
