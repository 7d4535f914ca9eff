/** Trials on as many threads as are wanted, each taken by the first that is free. */
import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Outcome, Trial } from './trials.ts';

const WORKER = new URL('./trial-worker.js', import.meta.url);
/** What all threads together may have of the machine's memory; a life of a thousand nodes takes gigabytes. */
const SHARE_OF_MEMORY = 0.75;

interface CrewOptions {
  readonly jobs: number;
  /** Gets each outcome as it comes. What it throws ends all. */
  readonly tell: (outcome: Outcome) => void;
  readonly worker?: URL;
}

/**
 * Resolves when each trial has an outcome. A thread that fails, or has no memory left, is replaced, and its trial has that for a
 * problem.
 */
export async function runTrials(
  trials: Iterable<Trial>,
  { jobs, tell, worker = WORKER }: CrewOptions,
): Promise<void> {
  const left = trials[Symbol.iterator]();
  const maxOldGenerationSizeMb = (SHARE_OF_MEMORY * totalmem()) / 2 ** 20 / jobs;
  const threads = new Set<Worker>();
  const work = async (): Promise<void> => {
    let thread: Worker | undefined;
    for (let next = left.next(); !next.done; next = left.next()) {
      thread ??= new Worker(worker, { resourceLimits: { maxOldGenerationSizeMb } });
      threads.add(thread);
      try {
        tell(await outcomeOf(thread, next.value));
      } catch (error) {
        if (!(error instanceof LostThread)) throw error;
        tell({ ...next.value, problems: [error.message], took: 0, log: [] });
        thread = undefined;
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    await Promise.all([...threads].map(thread => thread.terminate()));
  }
}

class LostThread extends Error {
  constructor(cause: unknown) {
    super(`its thread ended: ${cause instanceof Error ? cause.stack : cause}`);
  }
}

function outcomeOf(thread: Worker, trial: Trial): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(new LostThread(error));
    const onExit = (code: number) => reject(new LostThread(`exit status ${code}`));
    thread.once('error', onError);
    thread.once('exit', onExit);
    thread.once('message', (outcome: Outcome) => {
      thread.off('error', onError);
      thread.off('exit', onExit);
      resolve(outcome);
    });
    thread.postMessage(trial);
  });
}
