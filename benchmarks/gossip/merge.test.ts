import test from 'ava';
import { Recorder } from '../scale/curve.ts';
import { BYTES, DEATH, recordTraffic, WARM_IDLE } from './measures.ts';
import { mergeCurves } from './merge.ts';

test('points are added to those there were, and take the place of equal ones', t => {
  const recorder = new Recorder();
  recordTraffic(recorder, { size: 3000, idleBytes: 7, churnBytes: 8 });
  recordTraffic(recorder, { size: 100, idleBytes: 5, churnBytes: 6 });
  const later = recorder.curves().map(curve => ({ ...BYTES, ...curve }));
  const series = [{ system: WARM_IDLE, points: [1000, 100].map(x => ({ x, samples: [1] })) }];
  const deaths = { ...DEATH, series: [{ system: 'all', points: [{ x: 10, samples: [2] }] }] };
  const merged = mergeCurves([deaths, { ...BYTES, about: 'as it was once', series }], later);
  t.deepEqual(
    merged.map(({ id, about }) => [id, about]),
    [DEATH, BYTES].map(({ id, about }) => [id, about]),
  );
  t.deepEqual(merged[1]?.series[0], {
    system: WARM_IDLE,
    points: [
      { x: 100, samples: [5] },
      { x: 1000, samples: [1] },
      { x: 3000, samples: [7] },
    ],
  });
  t.is(merged[1]?.series.length, 2);
});
