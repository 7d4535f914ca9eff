import test from 'ava';
import { MAX_WORKERS, workerCount } from './worker-count.ts';

test('auto: one worker for every four processors, 1 to 4', t => {
  const counts = [1, 2, 4, 7, 8, 12, 16, 128].map(processors => workerCount('auto', processors));
  t.deepEqual(counts, [1, 1, 1, 1, 2, 3, 4, 4]);
});

test('a number is that number, whatever the machine has', t => {
  t.is(workerCount(MAX_WORKERS, 2), MAX_WORKERS);
  t.is(workerCount(1, 128), 1);
});
