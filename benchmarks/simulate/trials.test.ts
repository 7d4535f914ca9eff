import test from 'ava';
import { judgeDeaths, runTrial, sizeOf } from './trials.ts';

const RANGE = { least: 50, most: 1000 };

test('sizes are of the range, mostly small, and those of a seed the same each time', t => {
  const sizes = Array.from({ length: 10_000 }, (_, seed) => sizeOf(seed, RANGE)).sort((a, b) => a - b);
  t.true((sizes[0] ?? 0) >= 50 && (sizes.at(-1) ?? Number.NaN) <= 1000);
  const at = (share: number): number => (sizes[share * sizes.length] ?? Number.NaN) / 50;
  for (const [share, times] of [
    [0.5, 1.22],
    [0.9, 1.93],
    [0.99, 3.73],
  ] as const)
    t.true(Math.abs(at(share) / times - 1) < 0.1, `${at(share)} at ${share}`);
  t.is(sizeOf(20_180, RANGE), 216);
  t.is(sizeOf(20_180, { least: 1000, most: 1000 }), 1000);
});

const RIGHT = {
  size: 100,
  deathKnown: { p50: 9000, p99: 12_000, max: 12_500 },
  unnoticed: 0,
  suspicion: { expected: 2, shortest: 8000, longest: 48_000 },
  falseDeaths: { victims: 0, byHealthy: 0, byStopped: 0 },
};

for (const [what, figures, problem] of [
  ['nothing', RIGHT, undefined],
  ['a death that is not noticed', { ...RIGHT, unnoticed: 3 }, /3 times a node did not come to know/],
  [
    'deaths that are known late',
    { ...RIGHT, deathKnown: { p50: 9000, p99: 48_001, max: 50_000 } },
    /after 48001 ms .* \(48000 ms\)/,
  ],
  [
    'a false death',
    { ...RIGHT, falseDeaths: { victims: 1, byHealthy: 4, byStopped: 2 } },
    /1 nodes .* held for dead, 4 times by others that were not, 2 times by stopped ones/,
  ],
] as const) {
  test(`of deaths is told: ${what}`, t => {
    const problems = judgeDeaths(figures);
    t.is(problems.length, problem === undefined ? 0 : 1);
    if (problem !== undefined) t.regex(problems[0] ?? '', problem);
  });
}

test('lives of both kinds pass, and say how long it took', t => {
  for (const kind of ['storms', 'deaths'] as const) {
    const outcome = runTrial({ kind, seed: 5, nodes: 12 });
    t.like(outcome, { kind, seed: 5, nodes: 12, problems: [], log: [] });
    t.true(outcome.took > 0);
  }
});
