import test from 'ava';
import { type BarChartSpec, barChart } from './bar-chart.ts';
import { elementNames } from './testing/well-formed.ts';

const SPEC: BarChartSpec = {
  title: 'weft and kernel vxlan',
  label: 'of kernel vxlan',
  suffix: ' ×',
  series: ['weft bridge', 'weft tap'],
  reference: { value: 1, label: 'kernel vxlan' },
  groups: [
    {
      name: 'TCP, 1 stream',
      bars: [
        { series: 'weft bridge', median: 1.2, min: 1, max: 1.3, target: { value: 1.1, better: 'more' } },
        { series: 'weft tap', median: 1, min: 1, max: 1.3, target: { value: 1.1, better: 'more' } },
      ],
    },
    {
      name: 'request/response p50',
      note: 'less is better',
      bars: [{ series: 'weft tap', median: 1.25, min: 1, max: 2, target: { value: 1.3, better: 'less' } }],
    },
  ],
};

test('barChart() is well-formed, without script or reference', t => {
  const svg = barChart(SPEC);
  t.deepEqual([...new Set(elementNames(svg))].toSorted(), ['path', 'rect', 'style', 'svg', 'text', 'title']);
  t.notRegex(svg, /script|href|url\(|\bon[a-z]+=/);
});

test('barChart() writes the same bytes for the same figures', t => {
  t.is(barChart(SPEC), barChart(structuredClone(SPEC)));
});

test('barChart() tells values, and of each target whether it is met', t => {
  const words = [...barChart(SPEC).matchAll(/<text class="([^"]+)"[^>]*>([^<]+)</g)].map(
    ([, style, text]) => `${style}: ${text}`,
  );
  for (const expected of [
    'strong ink: 1.20 ×',
    'met: ✓ target ≥ 1.1',
    'missed: ✗ target ≥ 1.1',
    'met: ✓ target ≤ 1.3',
    'ink: TCP, 1 stream',
    'soft: less is better',
    'soft: of kernel vxlan',
    'ink: kernel vxlan',
  ]) {
    t.true(words.includes(expected), expected);
  }
});

test('barChart() makes bars as long as their values', t => {
  const widths = [
    ...barChart(SPEC).matchAll(/<rect class="series-\d" [^>]*width="([\d.]+)" height="15"/g),
  ].map(([, width]) => Number(width));
  const [first = 0, second = 1, third = 0] = widths;
  t.is(widths.length, 3);
  t.true(Math.abs(first / second - 1.2) < 0.001);
  t.true(Math.abs(third / second - 1.25) < 0.001);
});

test('barChart() of nothing, or of an unknown series, is a RangeError', t => {
  t.throws(() => barChart({ ...SPEC, groups: [] }), { instanceOf: RangeError });
  t.throws(() => barChart({ ...SPEC, series: ['weft bridge'] }), { instanceOf: RangeError });
});
