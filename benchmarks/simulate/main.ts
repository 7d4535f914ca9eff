/**
 * `npm run simulate [-- OPTIONS]`: lives of pools in the simulator, as many as are wanted, on all processors. The tests live a few
 * small ones; this is for a long evening. Exit status 1: one did not end as it has to; 2: the options are wrong.
 */
import { systemClock } from '../../dataplane/clock.ts';
import { elapsedLog, exitWith } from '../command-line.ts';
import { runTrials } from './crew.ts';
import { type Options, parseOptions } from './options.ts';
import { outcomeText, summaryText } from './report.ts';
import { ResultsFile } from './results-file.ts';
import { type Outcome, sizeOf, type Trial } from './trials.ts';

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, text => process.stdout.write(text));
  if (options === undefined) return 0;
  const results = options.resultsFile === undefined ? undefined : new ResultsFile(options.resultsFile);
  const log = elapsedLog(systemClock, 6);
  const outcomes: Outcome[] = [];
  const left: Trial[] = [];
  for (const trial of trialsOf(options)) {
    const known = results?.find(trial);
    if (known === undefined) left.push(trial);
    else outcomes.push(known);
  }
  const { least, most } = options.seeds;
  process.stderr.write(`seeds ${least}-${most}: ${left.length} lives to come, ${outcomes.length} known\n`);
  const tell = (outcome: Outcome): void => {
    results?.add(outcome);
    outcomes.push(outcome);
    log(outcomeText(outcome));
  };
  await runTrials(left, { jobs: Math.min(options.jobs, left.length), tell });
  process.stdout.write(summaryText(outcomes));
  return outcomes.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

function* trialsOf({ seeds, nodes, kinds }: Options): Generator<Trial> {
  for (let seed = seeds.least; seed <= seeds.most; seed++)
    for (const kind of kinds) yield { kind, seed, nodes: sizeOf(seed, nodes) };
}

await exitWith(main);
