import test from 'ava';
import { judge } from './judge.ts';
import { readScaleResults, scaleResults } from './scale-results.ts';
import { TARGETS } from './targets.ts';

const POINTS = [
  { x: 10, samples: [5, 4, 6] },
  { x: 50_000, samples: [5, 3.9, 5.8] },
];
const JSON_TEXT = JSON.stringify({
  results: [{ id: 'entries', curves: [{ id: 'tcp', series: [{ system: 'weft bridge', points: POINTS }] }] }],
});

test('scaleResults() makes a result of each point', t => {
  const OF = { underlay: 'scale', metric: 'entries-tcp' };
  t.deepEqual(scaleResults(JSON_TEXT), [
    { ...OF, subject: 'weft bridge at 10', samples: [5, 4, 6] },
    { ...OF, subject: 'weft bridge at 50000', samples: [5, 3.9, 5.8] },
  ]);
});

test('the target of 50,000 entries is held against 10', t => {
  const target = TARGETS.filter(({ metric }) => metric === 'entries-tcp');
  t.is(target.length, 1);
  t.like(judge(target, scaleResults(JSON_TEXT))[0], { met: true, measured: { median: 1 } });
});

test('something else is an error, and no file is no result', t => {
  t.throws(() => scaleResults('{"results":[{"id":7}]}'));
  t.deepEqual(readScaleResults(new URL('file:///nonexistent/scale.json')), []);
});
