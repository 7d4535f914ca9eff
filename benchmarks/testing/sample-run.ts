import type { Run } from '../results.ts';

const WIRE = { underlay: 'wire-like', metric: 'tcp-1' };
const CARD = { underlay: '1gbit', metric: 'tcp-1' };

/** A small run with made-up figures, for tests of what is done with them. */
export const SAMPLE_RUN: Run = {
  about: {
    date: '2026-11-23',
    commit: 'abc1234',
    processor: 'Example CPU',
    processors: 2,
    memoryGb: 24,
    kernel: '6.18',
    node: 'v20.20.2',
    versions: { iperf3: '3.12', tinc: '1.0.36' },
    loadBefore: 0.1,
    command: '--quick --write',
    rounds: 3,
    minutes: 2.6,
  },
  underlays: [
    { id: 'wire-like', meaning: 'as on a cable' },
    { id: '1gbit', meaning: 'a card of 1 Gbit/s' },
  ],
  subjects: ['no overlay', 'kernel vxlan', 'weft bridge', 'weft tap', 'tinc'].map(name => ({
    name,
    meaning: `what ${name} is`,
  })),
  metrics: [
    { id: 'tcp-1', title: 'TCP', unit: 'Gbit/s', better: 'more' },
    { id: 'tcp-1-cpu-daemons', title: 'CPU of daemons', unit: 's', better: 'less' },
  ],
  results: [
    { ...WIRE, subject: 'weft bridge', samples: [4.5, 3, 7] },
    { ...WIRE, subject: 'no overlay', samples: [8, 10, 9] },
    { ...WIRE, subject: 'kernel vxlan', samples: [6, 5, 4] },
    { ...WIRE, subject: 'tinc', samples: [0.5, 0.6, 0.4] },
    { ...WIRE, metric: 'tcp-1-cpu-daemons', subject: 'weft bridge', samples: [0.25] },
    { ...CARD, subject: 'no overlay', samples: [0.95, 0.96, 0.94] },
    { ...CARD, subject: 'weft tap', samples: [0.912, 0.915, 0.91] },
  ],
  omissions: [{ subject: 'fastd', what: 'everything', reason: 'fastd not installed' }],
};
