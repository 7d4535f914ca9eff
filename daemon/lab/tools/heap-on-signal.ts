/**
 * Loaded before a program of Node (NODE_OPTIONS=--import=…): at each SIGWINCH, which nothing else uses, it collects what is garbage and writes the bytes
 * that are left on the heap to the file named by HEAP_FILE. Without that, how much a program holds cannot be told from how long it did not tidy up.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const { HEAP_FILE } = process.env;

if (isMainThread && HEAP_FILE !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGWINCH', () => {
    // What finalizers let go of is garbage for the second time.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    const file = `${HEAP_FILE}.${process.pid}`;
    writeFileSync(`${file}.new`, JSON.stringify({ heapUsed, external }));
    renameSync(`${file}.new`, file);
  });
}
