import { availableParallelism } from 'node:os';
import test from 'ava';
import { testHelp, testRefusals } from '../testing/options-contract.ts';
import { parseOptions } from './options.ts';

const DEFAULTS = {
  seeds: { least: 1, most: 3 },
  nodes: { least: 50, most: 1000 },
  kinds: ['storms', 'deaths'],
  jobs: availableParallelism(),
  resultsFile: undefined,
};

for (const [args, expected] of [
  [[], {}],
  [['--nodes', '500'], { nodes: { least: 500, most: 500 } }],
  [['--nodes', '4-60'], { nodes: { least: 4, most: 60 } }],
  [
    ['--only', 'deaths', '--nodes', '1000-10000'],
    { kinds: ['deaths'], nodes: { least: 1000, most: 10_000 } },
  ],
  [['--only', 'storms'], { kinds: ['storms'] }],
  [['--jobs', '3', '--results', 'x.jsonl'], { jobs: 3, resultsFile: 'x.jsonl' }],
] as const) {
  test(`options --seeds 1-3 ${args.join(' ')}`, t => {
    const options = parseOptions(['--seeds', '1-3', ...args], t.fail);
    t.deepEqual(options, { ...DEFAULTS, ...expected } as typeof options);
  });
}

for (const [args, count] of [
  [[], 20],
  [['--seeds', '1000'], 1000],
] as const) {
  test(`options ${args.join(' ') || '(none)'}: seeds are drawn, ${count} in a row`, t => {
    const drawn = [0, 1].map(() => parseOptions(args, t.fail)?.seeds ?? { least: 0, most: 0 });
    for (const { least, most } of drawn) t.is(most - least + 1, count);
    t.notDeepEqual(drawn[0], drawn[1]);
  });
}

testRefusals(parseOptions, [
  [['--seeds', '0'], /--seeds.*no whole number above 0/],
  [['--seeds', 'x'], /--seeds.*no whole number above 0/],
  [['--seeds', '9-8'], /--seeds.*of 0 to 4294967295/],
  [['--seeds', '1-4294967296'], /--seeds.*of 0 to 4294967295/],
  [['--seeds', '1-2-3'], /--seeds.*neither a whole number nor two/],
  [['--nodes', '3'], /--nodes.*of 4 to 10000/],
  [['--nodes', '50-10001'], /--nodes.*of 4 to 10000/],
  [['--nodes', '50-1001'], /more than 1000 nodes are for --only deaths/],
  [['--nodes', '1e2'], /--nodes.*neither a whole number nor two/],
  [['--jobs', '0'], /--jobs.*no whole number above 0/],
  [['--only', 'peace'], /Allowed choices are storms, deaths/],
  [['--other'], /unknown option '--other'/],
  [['word'], /too many arguments/],
]);

testHelp(parseOptions, ['--seeds', '--nodes', '--only', '--jobs', '--results']);
