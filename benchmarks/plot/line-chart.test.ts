import test from 'ava';
import { type LineChartSpec, lineChart } from './line-chart.ts';
import { elementNames } from './testing/well-formed.ts';

const SPEC: LineChartSpec = {
  title: 'Throughput <TCP> & memory',
  subtitle: 'median of 3',
  x: { label: 'forwarding entries', scale: 'log', ticks: [10, 1000] },
  y: { label: 'of its own at 10' },
  series: [
    {
      name: 'weft bridge',
      points: [
        { x: 10, median: 1, min: 0.5, max: 1 },
        { x: 1000, median: 0.5, min: 0.5, max: 1 },
      ],
    },
    { name: 'kernel vxlan', points: [{ x: 10, median: 1, min: 1, max: 1 }] },
  ],
  levels: [{ value: 0.95, label: 'target ≥ 0.95' }],
};

test('lineChart() is well-formed, without script or reference', t => {
  const svg = lineChart(SPEC);
  const names = elementNames(svg);
  t.deepEqual([...new Set(names)].toSorted(), ['circle', 'path', 'rect', 'style', 'svg', 'text', 'title']);
  t.notRegex(svg, /script|href|url\(|\bon[a-z]+=/);
  t.true(svg.endsWith('</svg>\n'));
});

test('lineChart() writes the same bytes for the same figures', t => {
  t.is(lineChart(SPEC), lineChart(structuredClone(SPEC)));
});

test('lineChart() names title, axes with units, series, level and marks', t => {
  const svg = lineChart(SPEC);
  for (const words of [
    'Throughput &lt;TCP&gt; &amp; memory',
    'median of 3',
    'forwarding entries',
    'of its own at 10',
    'weft bridge',
    'kernel vxlan',
    'target ≥ 0.95',
    '1,000',
  ]) {
    t.true(svg.includes(`>${words}<`), words);
  }
});

test('lineChart() draws the spread as a band from the highest back along the lowest', t => {
  const svg = lineChart(SPEC);
  const band = /class="series-0" d="M([^"]+)Z" fill="currentColor" fill-opacity/.exec(svg)?.[1] ?? '';
  const [a, b, c, d] = band.split('L').map(pair => pair.split(' ').map(Number)) as [number, number][];
  t.deepEqual([a?.[0], b?.[0]], [d?.[0], c?.[0]], 'there and back over the same places');
  t.is(a?.[1], b?.[1], 'max is 1 at both ends');
  t.true((c?.[1] ?? 0) > (b?.[1] ?? 0), 'the lower edge is further down the sheet');
});

test('lineChart() of no series is a RangeError', t => {
  t.throws(() => lineChart({ ...SPEC, series: [] }), { instanceOf: RangeError });
});
