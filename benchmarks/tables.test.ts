import test from 'ava';
import { asMarkdown, asText, significant, targetTable, underlayTables } from './tables.ts';
import { SAMPLE_RUN } from './testing/sample-run.ts';

test('underlayTables() has ratios first, then medians; what nobody was measured on has no column', t => {
  const headings = ['', 'no overlay', 'kernel vxlan', 'weft bridge', 'tinc'];
  t.deepEqual(underlayTables(SAMPLE_RUN, 'wire-like', 'kernel vxlan'), [
    {
      title: 'wire-like: ratio to kernel vxlan',
      headings,
      rows: [['TCP (Gbit/s)', '1.80 ×', '1.00 ×', '0.90 ×', '0.10 ×']],
    },
    {
      title: 'wire-like: medians (lowest – highest)',
      headings,
      rows: [
        [
          'TCP (Gbit/s)',
          '9.00 (8.00 – 10.0)',
          '5.00 (4.00 – 6.00)',
          '4.50 (3.00 – 7.00)',
          '0.500 (0.400 – 0.600)',
        ],
        ['CPU of daemons (s)', '–', '–', '0.250', '–'],
      ],
    },
  ]);
});

test('underlayTables() has no ratios where the reference was not measured', t => {
  t.deepEqual(
    underlayTables(SAMPLE_RUN, '1gbit', 'kernel vxlan').map(({ title }) => title),
    ['1gbit: medians (lowest – highest)'],
  );
});

test('targetTable() tells target, measured value and verdict', t => {
  const target = { title: 'TCP', underlay: 'veth', metric: 'tcp-1', subject: 'weft tap' };
  const measured = { median: 0.9, min: 0.5, max: 1.75 };
  const { rows } = targetTable([
    { target: { ...target, against: 'kernel vxlan', bound: { atLeast: 1.1 } }, measured, met: false },
    { target: { ...target, bound: { atMost: 120 } }, measured: undefined, met: undefined },
  ]);
  t.deepEqual(rows, [
    ['TCP', 'veth', 'weft tap', 'kernel vxlan', '≥ 1.1 ×', '0.900 ×', '0.500 – 1.75', 'not met'],
    ['TCP', 'veth', 'weft tap', '–', '≤ 120', '–', '–', 'not measured'],
  ]);
});

test('significant() has three digits', t => {
  t.deepEqual([0, 0.00012, 0.0123, 1.234, 12.34, 123.4, 12_345].map(significant), [
    '0',
    '1.2e-4',
    '0.0123',
    '1.23',
    '12.3',
    '123',
    '12345',
  ]);
});

test('asText() aligns columns, asMarkdown() has a rule below the headings', t => {
  const table = { title: 'Title', headings: ['', 'a', 'long'], rows: [['row', '1.00', '2']] };
  t.is(asText(table), 'Title\n          a  long\n  row  1.00     2');
  t.is(asMarkdown(table), '|  | a | long |\n| --- | ---: | ---: |\n| row | 1.00 | 2 |');
});
