import test from 'ava';
import { outcomeText, summaryText } from './report.ts';
import type { Outcome } from './trials.ts';

function storm(seed: number, more: Partial<Outcome> = {}): Outcome {
  return { kind: 'storms', seed, nodes: 60, problems: [], took: 21_500, log: [], ...more };
}

const FAILED = storm(9, { problems: ['n1 lacks n2'], log: ['60 nodes, loss 0.2', 'n2 crashes'] });

test('of a life that passed a line says how long it took', t => {
  t.is(outcomeText(storm(8)), 'storms, seed 8, 60 nodes: all agreed after 21.5 s');
});

test('of one that failed there is all that was done, and what is wrong', t => {
  t.is(
    outcomeText(FAILED),
    'storms, seed 9, 60 nodes: FAILED\n  60 nodes, loss 0.2\n  n2 crashes\n  n1 lacks n2',
  );
});

test('at the end there are counts, and what lives a failed one again', t => {
  const outcomes = [storm(7, { nodes: 90, took: 70_000 }), storm(8), FAILED];
  t.is(
    summaryText(outcomes),
    [
      'storms: 2 passed, 1 failed; nodes: 60 (median), 90 (most); all agreed after 21.5 s (median), 70.0 s (p99), 70.0 s (longest)',
      'again: npm run simulate -- --only storms --seeds 9-9 --nodes 60',
      '',
    ].join('\n'),
  );
});
