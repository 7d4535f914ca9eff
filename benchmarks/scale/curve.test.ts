import test from 'ava';
import { type MeasureInfo, Recorder, ratio } from './curve.ts';

const TCP: MeasureInfo = { id: 'tcp', name: 'TCP', unit: 'Gbit/s', better: 'more' };
const MEMORY: MeasureInfo = { id: 'memory', name: 'memory', unit: 'MB', better: 'less' };

test('Recorder sorts samples by measure, system and size, whatever the order they came in', t => {
  const recorder = new Recorder();
  recorder.add(TCP, 'weft', 100, 4);
  recorder.add(TCP, 'weft', 1, 5);
  recorder.add(MEMORY, 'weft', 1, 80);
  recorder.add(TCP, 'kernel vxlan', 1, 3);
  recorder.add(TCP, 'weft', 1, 6);
  t.deepEqual(recorder.curves(), [
    {
      ...TCP,
      series: [
        {
          system: 'weft',
          points: [
            { x: 1, samples: [5, 6] },
            { x: 100, samples: [4] },
          ],
        },
        { system: 'kernel vxlan', points: [{ x: 1, samples: [3] }] },
      ],
    },
    { ...MEMORY, series: [{ system: 'weft', points: [{ x: 1, samples: [80] }] }] },
  ]);
});

test('ratio() compares within a round: a disturbance of both cancels out', t => {
  const point = { x: 2, samples: [8, 4, 9] };
  const reference = { x: 1, samples: [10, 5, 10] };
  t.deepEqual(ratio(point, reference), { median: 0.8, min: 0.8, max: 0.9 });
});

test('ratio() is undefined without a reference, and leaves out rounds that have none', t => {
  t.is(ratio({ x: 2, samples: [8] }, undefined), undefined);
  t.is(ratio({ x: 2, samples: [8] }, { x: 1, samples: [0] }), undefined);
  t.deepEqual(ratio({ x: 2, samples: [8, 4] }, { x: 1, samples: [4] }), { median: 2, min: 2, max: 2 });
});
