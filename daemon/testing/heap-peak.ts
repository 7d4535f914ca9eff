/**
 * `heap-peak [bound]`: makes garbage that has lived for a while, always as much alive, and prints the most bytes of heap that were
 * in use once that was so; with `bound` after {@link boundGarbage}.
 */
import { getHeapStatistics } from 'node:v8';
import { boundGarbage } from '../garbage-bound.ts';

/** More than the nursery holds, so that everything dies in the old generation. */
const ALIVE = 250_000;
const MADE = 5_000_000;

if (process.argv[2] === 'bound') boundGarbage();
const alive = new Array<object>(ALIVE);
let peak = 0;
for (let i = 0; i < MADE; i++) {
  alive[i % ALIVE] = { i, text: `x${i}` };
  if (i > 2 * ALIVE && i % 2000 === 0) peak = Math.max(peak, getHeapStatistics().used_heap_size);
}
process.stdout.write(`${peak}\n`);
