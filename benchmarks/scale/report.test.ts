import test from 'ava';
import { rows, type ScaleRun, scaleFiles, targetText } from './report.ts';

const RUN: ScaleRun = {
  id: 'entries',
  quantity: 'forwarding entries',
  about: 'How it was done.',
  machine: {
    date: '2026-11-23',
    commit: 'abc1234',
    processor: 'Example CPU',
    processors: 2,
    memoryGb: 24,
    kernel: '6.18',
    node: 'v20.20.2',
    loadBefore: 0.1,
  },
  rounds: 3,
  seconds: 2,
  curves: [
    {
      id: 'tcp',
      name: 'TCP, one stream',
      unit: 'Gbit/s',
      better: 'more',
      target: 0.95,
      series: [
        {
          system: 'weft bridge',
          points: [
            { x: 10, samples: [5, 4, 6] },
            { x: 50_000, samples: [4.5, 3.6, 6] },
          ],
        },
        { system: 'kernel vxlan', points: [{ x: 10, samples: [4, 4, 4] }] },
      ],
    },
    {
      id: 'memory',
      name: 'memory of the daemon',
      unit: 'MB',
      better: 'less',
      series: [{ system: 'weft bridge', points: [{ x: 10, samples: [90, 91, 92] }] }],
    },
  ],
};
const [TCP, MEMORY] = RUN.curves;

test('rows() has ratios before figures, each of its round', t => {
  t.deepEqual(TCP && rows(TCP), [
    ['10', 'weft bridge', '1.25 ×', '', '5.00', '4.00 – 6.00'],
    ['10', 'kernel vxlan', '', '', '4.00', '4.00 – 4.00'],
    ['50,000', 'weft bridge', '', '0.90 ×', '4.50', '3.60 – 6.00'],
  ]);
});

test('targetText() says plainly whether the target is met', t => {
  t.is(
    TCP && targetText(TCP),
    'Target: ≥ 0.95 × its own first value; weft bridge has 0.90 × at 50,000 (missed).',
  );
  t.regex((TCP && targetText({ ...TCP, target: 0.9 })) ?? '', /\(met\)/);
  t.is(MEMORY && targetText(MEMORY), undefined);
});

test('scaleFiles() has a page with circumstances, and a picture for each curve that the page shows', t => {
  const files = scaleFiles([RUN]);
  t.deepEqual([...files.keys()], ['scale.md', 'scale-entries-tcp.svg', 'scale-entries-memory.svg']);
  const page = files.get('scale.md') ?? '';
  t.true(page.includes('Measured on 2026-11-23 at commit abc1234: 2 × Example CPU, 24 GB, Linux 6.18'));
  t.true(page.includes('![TCP, one stream over forwarding entries](scale-entries-tcp.svg)'));
  t.true(page.includes('| 50,000 | weft bridge |  | 0.90 × | 4.50 | 3.60 – 6.00 |'));
});

test('scaleFiles() draws shares of the kernel where it was measured, and absolute values where not', t => {
  const files = scaleFiles([RUN]);
  t.true(files.get('scale-entries-tcp.svg')?.includes('>times kernel vxlan at 10 (= 4.00 Gbit/s)<'));
  t.true(files.get('scale-entries-tcp.svg')?.includes('>target of weft bridge: ≥ 0.95 × its first<'));
  t.true(files.get('scale-entries-memory.svg')?.includes('>MB<'));
  t.deepEqual(scaleFiles([RUN]), files, 'the same figures, the same bytes');
});
