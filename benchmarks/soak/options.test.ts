import test from 'ava';
import { testHelp, testRefusals } from '../testing/options-contract.ts';
import { parseOptions } from './options.ts';

const DEFAULTS = { seconds: 600, windowSeconds: 10, attach: 'bridge', mbit: undefined, jsonFile: undefined };

for (const [args, expected] of [
  [[], {}],
  [['--minutes', '2.5'], { seconds: 150 }],
  [['--hours', '8'], { seconds: 28_800 }],
  [['--attach', 'tap', '--mbit', '400'], { attach: 'tap', mbit: 400 }],
  [
    ['--minutes', '0.25', '--window', '3', '--json', '/tmp/x'],
    { seconds: 15, windowSeconds: 3, jsonFile: '/tmp/x' },
  ],
] as const) {
  test(`options ${args.join(' ') || '(none)'}`, t => {
    t.deepEqual(parseOptions(args, t.fail), { ...DEFAULTS, ...expected } as ReturnType<typeof parseOptions>);
  });
}

testRefusals(parseOptions, [
  [['--minutes', 'ten'], /--minutes.*'ten' is invalid.*no number above 0/],
  [['--minutes', ''], /no number above 0/],
  [['--hours', '0'], /no number above 0/],
  [['--hours', '1', '--minutes', '1'], /cannot be used with/],
  [['--window', '2.5'], /no whole number from 2 on/],
  [['--window', '1'], /no whole number from 2 on/],
  [['--minutes', '0.5', '--window', '10'], /30 s are too short.*fewer than 5 windows of 10 s/],
  [['--attach', 'veth'], /Allowed choices are bridge, tap/],
  [['--json'], /argument missing/],
  [['--other'], /unknown option '--other'/],
  [['word'], /too many arguments/],
]);

testHelp(parseOptions, ['--minutes', '--hours', '--attach', '--window', '--mbit', '--json']);
