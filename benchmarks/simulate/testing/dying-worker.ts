/** Lives as trial-worker.ts does, but throws at seed 1 and ends at seed 2. */
import { exit } from 'node:process';
import { parentPort } from 'node:worker_threads';
import type { Trial } from '../trials.ts';

parentPort?.on('message', (trial: Trial) => {
  if (trial.seed === 1) throw new Error('no memory');
  if (trial.seed === 2) exit(3);
  parentPort?.postMessage({ ...trial, problems: [], took: 0, log: [] });
});
