/** A thread that lives one simulated life after the other: a Trial comes in, its Outcome goes out. */
import { parentPort } from 'node:worker_threads';
import { runTrial, type Trial } from './trials.ts';

parentPort?.on('message', (trial: Trial) => parentPort?.postMessage(runTrial(trial)));
