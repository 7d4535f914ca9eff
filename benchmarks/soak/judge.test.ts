import test from 'ava';
import { growth, judge, largestDeviation, leftBehind, unexplainedDrops, warmUpWindows } from './judge.ts';
import { daemonOf, soakOf, windowOf } from './testing/sample-soak.ts';

for (const [values, expected] of [
  [[100, 100, 100], 0],
  [[100, 104, 97], 0.04],
  [[100, 100, 100, 80], 0.2],
  [[100, 100, 0], 1],
] as const) {
  test(`the largest deviation of ${values.join(', ')} is ${expected}`, t => {
    t.true(Math.abs(largestDeviation(values) - expected) < 1e-9);
  });
}

for (const [values, expected] of [
  [[100, 100, 100, 102], 0.02],
  // What happens between the quarters does not count.
  [[100, 150, 150, 100], 0],
  [[100, 102, 104, 0, 0, 110, 108, 112, 110], 111 / 101 - 1],
  [[100, 90, 90, 80], -0.2],
] as const) {
  test(`growth of ${values.join(', ')}`, t => {
    t.true(Math.abs(growth(values) - expected) < 1e-9, `${growth(values)}`);
  });
}

test('three values have no quarters', t => {
  t.throws(() => growth([1, 2, 3]), { instanceOf: RangeError });
});

for (const [windows, expected] of [
  [4, 1],
  [6, 2],
  [60, 12],
] as const) {
  test(`of ${windows} windows ${expected} are warm-up`, t => t.is(warmUpWindows(windows), expected));
}

const dropped = (...each: Record<string, number>[]) =>
  windowOf({ daemons: each.map((one, i) => daemonOf({ node: `n${i}`, drops: one })) });

for (const [what, windows, expected] of [
  ['none', [dropped({}), dropped({})], []],
  ['before the first sample', [dropped({ runt: 3 }), dropped({ runt: 3 })], []],
  [
    'on two daemons',
    [
      dropped({ runt: 3 }, {}),
      dropped({}, { runt: 2 }),
      dropped({ runt: 4 }, { runt: 5, receive_queue_overflow: 7 }),
    ],
    [
      ['runt', 6],
      ['receive_queue_overflow', 7],
    ],
  ],
  ['explained', [dropped({}), dropped({ hairpin: 1000, neighbor_suppressed: 50 })], []],
  [
    'four for each container that went',
    [dropped({}, {}), dropped({ unknown_destination: 30 }, { unknown_destination: 10 })],
    [],
  ],
  [
    'more than that',
    [dropped({}, {}), dropped({ unknown_destination: 30 }, { unknown_destination: 11 })],
    [['unknown_destination', 41]],
  ],
] as const) {
  test(`unexplained drops: ${what}`, t => {
    t.deepEqual(
      unexplainedDrops({ windows, done: { moves: 4, visits: 6, looks: 99 } }),
      new Map<string, number>(expected),
    );
  });
}

test('what a machine has more or less of than before is told', t => {
  const rest = { node: 'a', descriptors: 60, threads: 12, links: 5, endpoints: 2 };
  t.deepEqual(leftBehind({ before: [rest], after: [rest] }), []);
  t.deepEqual(leftBehind({ before: [rest], after: [{ ...rest, descriptors: 62, links: 4 }] }), [
    'a: descriptors 60 → 62',
    'a: links 5 → 4',
  ]);
  t.is(leftBehind({ before: [rest], after: [] }).length, 4);
});

test('a calm soak meets everything', t => {
  t.deepEqual(
    judge(soakOf()).filter(({ isMet }) => !isMet),
    [],
  );
});

const windows = soakOf().windows;
/** The calm windows, of which those from `from` on are changed. */
const changed = (from: number, change: Parameters<typeof windowOf>[0]) => ({
  windows: windows.map((window, i) => (i < from ? window : { ...window, ...change })),
});
const rest = soakOf().rest;

for (const [what, name, change] of [
  ['one slow window', /bulk delivered/, changed(windows.length - 1, { deliveredMbit: 940 })],
  ['a bulk that has ended', /bulk delivered/, changed(0, { deliveredMbit: 0 })],
  [
    'memory that grows by 3 %',
    /resident memory/,
    changed(windows.length - 3, { daemons: [daemonOf({ rssMb: 103 })] }),
  ],
  [
    'a minute of 25 ms',
    /event loop/,
    changed(windows.length - 1, { daemons: [daemonOf({ loopDelayP99Ms: 25 })] }),
  ],
  [
    'a descriptor that is left',
    /left behind/,
    { rest: { ...rest, after: rest.before.map(one => ({ ...one, descriptors: one.descriptors + 1 })) } },
  ],
  [
    'a frame lost',
    /unexplained drops/,
    changed(windows.length - 1, { daemons: [daemonOf({ drops: { runt: 1 } })] }),
  ],
  ['a move that failed', /failures of the load/, { mishaps: [{ second: 3, what: 'moves', reason: 'x' }] }],
  [
    'a path that is slower',
    /unlimited TCP/,
    { capacity: { before: { weft: [10, 10], kernel: [10, 10] }, after: { weft: [9, 9], kernel: [10, 10] } } },
  ],
] as const) {
  test(`${what} is not met, and nothing else`, t => {
    const missed = judge({ ...soakOf(), ...change }).filter(({ isMet }) => !isMet);
    t.is(missed.length, 1, JSON.stringify(missed));
    t.regex(missed[0]?.name ?? '', name);
  });
}

test('the warm-up counts neither for pace nor for memory nor for delay', t => {
  const [first, ...others] = windows;
  t.truthy(first);
  const rough = {
    ...windowOf({ deliveredMbit: 10 }),
    daemons: [daemonOf({ rssMb: 50, loopDelayP99Ms: 90 })],
  };
  t.deepEqual(
    judge({ ...soakOf(), windows: [rough, ...others] }).filter(({ isMet }) => !isMet),
    [],
  );
});
