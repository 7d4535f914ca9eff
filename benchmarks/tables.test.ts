import test from 'ava';
import type { Run } from './results.ts';
import { asMarkdown, asText, significant, targetTable, underlayTables } from './tables.ts';

const TCP = { underlay: 'veth', metric: 'tcp-1' };
const CPU = { underlay: 'veth', metric: 'cpu' };
const RUN: Run = {
  about: {
    date: '2026-11-23',
    commit: 'abc1234',
    processor: 'Example CPU',
    processors: 2,
    memoryGb: 24,
    kernel: '6.18',
    node: 'v20.20.2',
    versions: {},
    loadBefore: 0.1,
    command: '',
    rounds: 3,
    minutes: 1,
  },
  underlays: [{ id: 'veth', meaning: 'one box' }],
  subjects: ['no overlay', 'kernel vxlan', 'weft tap', 'tinc'].map(name => ({ name, meaning: name })),
  metrics: [
    { id: 'tcp-1', title: 'TCP', unit: 'Gbit/s', better: 'more' },
    { id: 'cpu', title: 'CPU of daemons', unit: 's', better: 'less' },
  ],
  results: [
    { ...TCP, subject: 'weft tap', samples: [4.5, 3, 7] },
    { ...TCP, subject: 'no overlay', samples: [8, 10, 9] },
    { ...TCP, subject: 'kernel vxlan', samples: [6, 5, 4] },
    { ...CPU, subject: 'weft tap', samples: [0.25] },
  ],
  omissions: [],
};

test('underlayTables() has ratios first, then medians; what nobody was measured on has no column', t => {
  t.deepEqual(underlayTables(RUN, 'veth', 'kernel vxlan'), [
    {
      title: 'veth: ratio to kernel vxlan',
      headings: ['', 'no overlay', 'kernel vxlan', 'weft tap'],
      rows: [['TCP (Gbit/s)', '1.80 ×', '1.00 ×', '0.90 ×']],
    },
    {
      title: 'veth: medians (lowest – highest)',
      headings: ['', 'no overlay', 'kernel vxlan', 'weft tap'],
      rows: [
        ['TCP (Gbit/s)', '9.00 (8.00 – 10.0)', '5.00 (4.00 – 6.00)', '4.50 (3.00 – 7.00)'],
        ['CPU of daemons (s)', '–', '–', '0.250'],
      ],
    },
  ]);
});

test('underlayTables() has no ratios where the reference was not measured', t => {
  t.deepEqual(
    underlayTables(RUN, 'veth', 'tinc').map(({ title }) => title),
    ['veth: medians (lowest – highest)'],
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
