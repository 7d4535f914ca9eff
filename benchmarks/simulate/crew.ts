/** Trials on as many threads as are wanted, each taken by the first that is free. */
import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Outcome, Trial } from './trials.ts';

const WORKER = new URL('./trial-worker.js', import.meta.url);
/** What all threads together may have of the machine's memory; a life of a thousand nodes takes gigabytes. */
const SHARE_OF_MEMORY = 0.75;

/**
 * Resolves when each trial has an outcome, which `tell` gets as it comes. A thread that fails, or has no memory left, is replaced, and
 * its trial has that for a problem.
 */
export async function runTrials(
  trials: Iterable<Trial>,
  {
    jobs,
    tell,
    worker = WORKER,
  }: { readonly jobs: number; readonly tell: (outcome: Outcome) => void; readonly worker?: URL },
): Promise<void> {
  const left = trials[Symbol.iterator]();
  const maxOldGenerationSizeMb = (SHARE_OF_MEMORY * totalmem()) / 2 ** 20 / jobs;
  const work = async (): Promise<void> => {
    let thread: Worker | undefined;
    for (let next = left.next(); !next.done; next = left.next()) {
      thread ??= new Worker(worker, { resourceLimits: { maxOldGenerationSizeMb } });
      try {
        tell(await outcomeOf(thread, next.value));
      } catch (error) {
        tell({
          ...next.value,
          problems: [`it ended: ${error instanceof Error ? error.stack : error}`],
          took: 0,
          log: [],
        });
        await thread.terminate();
        thread = undefined;
      }
    }
    await thread?.terminate();
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

function outcomeOf(thread: Worker, trial: Trial): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number) => reject(new Error(`the thread ended with ${code}`));
    thread.once('error', reject);
    thread.once('exit', onExit);
    thread.once('message', (outcome: Outcome) => {
      thread.off('error', reject);
      thread.off('exit', onExit);
      resolve(outcome);
    });
    thread.postMessage(trial);
  });
}
