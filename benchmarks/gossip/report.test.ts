import test from 'ava';
import { judge } from '../judge.ts';
import { Recorder } from '../scale/curve.ts';
import { CLAIM_P99, DEATH, DEATH_ALL, MEASURES, recordMembership, recordSpread } from './measures.ts';
import { curveTable, type GossipCurve, gossipFiles, resultsOf, textReport } from './report.ts';
import { GOSSIP_TARGETS } from './targets.ts';

/** Figures of two seeds at 10 and at 1,000 nodes. */
function sampleCurves({ unnoticed = 0 } = {}): GossipCurve[] {
  const recorder = new Recorder();
  for (const size of [1000, 10]) {
    for (const seed of [1, 2]) {
      for (const loss of [0, 0.05, 0.2]) {
        recordSpread(recorder, {
          size,
          loss,
          claimToUsable: { p50: seed, p99: seed * (1 + loss) * size, max: 2 * size },
          missing: 0,
          idleBytes: 40,
          churnBytes: 900,
          idleStreams: 1,
        });
      }
      recordMembership(recorder, {
        size,
        idleBytes: 300,
        churnBytes: 500,
        deathKnown: { p50: 13_000, p99: 16_000, max: 17_000 },
        unnoticed,
        suspicion: { expected: 2, shortest: 12_000, longest: 72_000 },
        falseDeaths: { victims: 0, byHealthy: 0, byStopped: 0 },
      });
    }
  }
  const curves = recorder.curves();
  return MEASURES.flatMap(measure => {
    const curve = curves.find(({ id }) => id === measure.id);
    return curve === undefined ? [] : [{ ...measure, ...curve }];
  });
}

test('a curve has a row for each size and a column for each series', t => {
  const curve = sampleCurves().find(({ id }) => id === CLAIM_P99.id);
  t.deepEqual(curve && curveTable(curve), {
    title: CLAIM_P99.name,
    headings: ['nodes', '0 % loss', '5 % loss', '20 % loss'],
    rows: [
      ['10', '15.0 (10.0 – 20.0)', '15.8 (10.5 – 21.0)', '18.0 (12.0 – 24.0)'],
      ['1,000', '1500 (1000 – 2000)', '1575 (1050 – 2100)', '1800 (1200 – 2400)'],
    ],
  });
});

test('targets are held against the points at 1,000 nodes', t => {
  const verdicts = judge(GOSSIP_TARGETS, resultsOf(sampleCurves()));
  t.deepEqual(
    verdicts.map(({ met }) => met),
    [false, true, true, true, true, true, true],
  );
});

test('a death that somebody did not come to know of is known by all at no time', t => {
  const curves = sampleCurves({ unnoticed: 1 });
  const all = curves.find(({ id }) => id === DEATH.id)?.series.find(({ system }) => system === DEATH_ALL);
  t.is(all?.points[0]?.samples[0], Number.POSITIVE_INFINITY);
  t.notThrows(() => textReport({ curves }));
});

test('the page names what is simulated, and shows a picture where there is something to see', t => {
  const machine = {
    date: '2026-11-28',
    commit: 'abc',
    processor: 'CPU',
    processors: 2,
    memoryGb: 25,
    kernel: '6.1',
    node: 'v20',
    loadBefore: 0,
  };
  const files = gossipFiles({
    simulations: [
      { machine, seeds: [1, 2], minutes: 3, sizes: [10, 1000], parts: ['records', 'membership'] },
      { machine, seeds: [1], minutes: 40, memoryMb: 2048, sizes: [10_000], parts: ['traffic'] },
    ],
    curves: sampleCurves(),
  });
  t.deepEqual(
    [...files.keys()],
    ['gossip.md', 'gossip-claim-p50.svg', 'gossip-claim-p99.svg', 'gossip-death.svg', 'gossip-bytes.svg'],
  );
  t.regex(files.get('gossip.md') ?? '', /All of it is simulated/);
  t.regex(
    files.get('gossip.md') ?? '',
    /traffic of 10,000 nodes, seed 1: on 2026-11-28 at commit abc, in 40 min and 2.0 GiB/,
  );
  t.notRegex(files.get('gossip.md') ?? '', /gossip-false-deaths\.svg/);
});
