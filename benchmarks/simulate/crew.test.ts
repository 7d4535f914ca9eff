import test from 'ava';
import { runTrials } from './crew.ts';
import type { Outcome, Trial } from './trials.ts';

const DYING = new URL('./testing/dying-worker.js', import.meta.url);

function trial(seed: number): Trial {
  return { kind: 'storms', seed, nodes: 5 };
}

async function outcomesOf(
  trials: readonly Trial[],
  options: { jobs: number; worker?: URL },
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await runTrials(trials, { ...options, tell: outcome => outcomes.push(outcome) });
  return outcomes.sort((a, b) => a.seed - b.seed);
}

test('each trial has one outcome, whichever thread lived it', async t => {
  const trials = [7, 8, 9].flatMap(seed => [trial(seed), { ...trial(seed), kind: 'deaths' } as const]);
  const outcomes = await outcomesOf(trials, { jobs: 2 });
  t.deepEqual(
    outcomes.map(({ kind, seed }) => `${kind} ${seed}`).sort(),
    trials.map(({ kind, seed }) => `${kind} ${seed}`).sort(),
  );
  t.deepEqual(
    outcomes.flatMap(({ problems }) => problems),
    [],
  );
});

test('the same seed has the same outcome in any thread', async t => {
  const [alone] = await outcomesOf([trial(11)], { jobs: 1 });
  const [, beside] = await outcomesOf([trial(10), trial(11)], { jobs: 2 });
  t.deepEqual(beside, alone);
});

test('a thread that throws or ends has failed its trial, and the others go on', async t => {
  const outcomes = await outcomesOf([0, 1, 2, 3, 4].map(trial), { jobs: 2, worker: DYING });
  t.deepEqual(
    outcomes.map(({ seed, problems }) => [seed, problems.length]),
    [
      [0, 0],
      [1, 1],
      [2, 1],
      [3, 0],
      [4, 0],
    ],
  );
  t.regex(outcomes[1]?.problems[0] ?? '', /no memory/);
  t.regex(outcomes[2]?.problems[0] ?? '', /exit status 3/);
});

test('what cannot be told ends all, and no thread stays', async t => {
  const tell = () => {
    throw new Error('the disk is full');
  };
  await t.throwsAsync(runTrials([3, 4, 5].map(trial), { jobs: 2, tell, worker: DYING }), {
    message: 'the disk is full',
  });
});
