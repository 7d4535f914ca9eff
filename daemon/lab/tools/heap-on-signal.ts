/**
 * Loaded before a program of Node (NODE_OPTIONS=--import=…): at each SIGWINCH, which nothing else uses, it collects what is garbage and writes the bytes
 * that are left on the heap to the file `heap` beside its configuration, the last argument. Without that, how much a program holds cannot be told from how long it did not tidy up.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGWINCH', () => {
    // What finalizers let go of is garbage for the second time.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    const file = join(dirname(process.argv.at(-1) ?? ''), 'heap');
    writeFileSync(`${file}.new`, JSON.stringify({ heapUsed, external }));
    renameSync(`${file}.new`, file);
  });
}
