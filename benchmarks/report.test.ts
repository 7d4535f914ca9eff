import test from 'ava';
import { markdownReport, type Result, tables, textReport } from './report.ts';

const TCP = { wire: 'wire-like', measure: 'one TCP stream', unit: 'Gbit/s', better: 'more' } as const;
const PING = { wire: 'veth', measure: 'ping round trip', unit: 'µs', better: 'less' } as const;
const RESULTS: readonly Result[] = [
  { ...TCP, scenario: 'no overlay', samples: [8, 10, 9] },
  { ...TCP, scenario: 'kernel vxlan', samples: [6, 5, 4] },
  { ...TCP, scenario: 'weft bridge', samples: [4.5, 3, 7] },
  { ...PING, scenario: 'no overlay', samples: [40, 60] },
  { ...PING, scenario: 'weft bridge', samples: [125, 125] },
];

test('tables() gives ratios of medians against no overlay and kernel vxlan, then absolute numbers', t => {
  t.deepEqual(tables(RESULTS), [
    {
      title: 'wire-like: one TCP stream (Gbit/s, more is better)',
      rows: [
        ['no overlay', '1.00 ×', '1.80 ×', '9.00', '8.00 – 10.0'],
        ['kernel vxlan', '0.56 ×', '1.00 ×', '5.00', '4.00 – 6.00'],
        ['weft bridge', '0.50 ×', '0.90 ×', '4.50', '3.00 – 7.00'],
      ],
    },
    {
      title: 'veth: ping round trip (µs, less is better)',
      rows: [
        ['no overlay', '1.00 ×', '–', '50.0', '40.0 – 60.0'],
        ['weft bridge', '2.50 ×', '–', '125', '125 – 125'],
      ],
    },
  ]);
});

test('textReport() aligns the columns', t => {
  const [title, headings, first] = textReport(RESULTS).split('\n');
  t.is(title, 'wire-like: one TCP stream (Gbit/s, more is better)');
  t.is(headings, '                 of no overlay   of kernel vxlan   median   lowest – highest');
  t.is(first, '  no overlay            1.00 ×            1.80 ×     9.00        8.00 – 10.0');
});

test('markdownReport() tells the circumstances and has a table for each measure', t => {
  const page = markdownReport(RESULTS, {
    processor: 'Example CPU',
    processors: 2,
    kernel: '6.18',
    node: 'v20.20.2',
    commit: 'abc1234',
    date: '2026-11-22',
  });
  t.true(
    page.includes('Measured on 2026-11-22 at commit abc1234: 2 × Example CPU, Linux 6.18, Node v20.20.2.'),
  );
  t.true(page.includes('the median of\n2 rounds'));
  t.is(page.match(/^## /gm)?.length, 2);
  t.true(page.includes('| weft bridge | 0.50 × | 0.90 × | 4.50 | 3.00 – 7.00 |'));
  t.true(page.endsWith('|\n'));
});
