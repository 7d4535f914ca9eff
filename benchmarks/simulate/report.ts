/** What is said of lives: a line for each, and at the end how many passed, and what lives again those that did not. */
import { quantilesOf } from '../../control/testing/quantiles.ts';
import { KINDS, type Kind, type Outcome, type Trial } from './trials.ts';

const TOOK: Readonly<Record<Kind, string>> = {
  storms: 'all agreed after',
  deaths: 'deaths were known (p99) after',
};

export function outcomeText({ kind, seed, nodes, problems, took, log }: Outcome): string {
  const what = `${kind}, seed ${seed}, ${nodes} nodes`;
  if (problems.length === 0) return `${what}: ${TOOK[kind]} ${seconds(took)}`;
  return [`${what}: FAILED`, ...[...log, ...problems].map(line => `  ${line}`)].join('\n');
}

export function summaryText(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ problems }) => problems.length > 0);
  const lines = [
    ...KINDS.flatMap(
      kind =>
        kindText(
          kind,
          outcomes.filter(outcome => outcome.kind === kind),
        ) ?? [],
    ),
    ...failed.map(trial => `again: ${commandOf(trial)}`),
  ];
  return lines.map(line => `${line}\n`).join('');
}

/** Undefined if none was wanted. */
function kindText(kind: Kind, outcomes: readonly Outcome[]): string | undefined {
  if (outcomes.length === 0) return undefined;
  const passed = outcomes.filter(({ problems }) => problems.length === 0);
  const counts = `${kind}: ${passed.length} passed, ${outcomes.length - passed.length} failed`;
  if (passed.length === 0) return counts;
  const nodes = quantilesOf(passed.map(outcome => outcome.nodes));
  const took = quantilesOf(passed.map(outcome => outcome.took));
  const times = `${seconds(took.p50)} (median), ${seconds(took.p99)} (p99), ${seconds(took.max)} (longest)`;
  return `${counts}; nodes: ${nodes.p50} (median), ${nodes.max} (most); ${TOOK[kind]} ${times}`;
}

function commandOf({ kind, seed, nodes }: Trial): string {
  return `npm run simulate -- --only ${kind} --seeds ${seed}-${seed} --nodes ${nodes}`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
