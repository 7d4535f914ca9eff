import test from 'ava';
import { parseOptions } from './main.ts';

for (const [args, sizes, seeds] of [
  [[], [10, 30, 100, 300, 1000], [1, 2, 3]],
  [['--quick'], [10, 100], [1]],
  [['--full'], [10, 30, 100, 300, 1000, 3000, 10_000], [1]],
  [
    ['--quick', '--seeds', '2'],
    [10, 100],
    [1, 2],
  ],
  [['--sizes', '12,3000', '--seeds', '1'], [12, 3000], [1]],
] as const) {
  test(`options ${args.join(' ') || '(none)'}: sizes ${sizes.join()}, seeds ${seeds.join()}`, t => {
    const options = parseOptions(args);
    t.deepEqual([options?.sizes, options?.seeds], [sizes, seeds]);
  });
}

test('of what is measured there is all, or one part', t => {
  t.deepEqual(parseOptions([])?.parts, ['records', 'membership', 'traffic']);
  t.deepEqual(parseOptions(['--only', 'traffic'])?.parts, ['traffic']);
});

for (const args of [
  ['--only', 'x'],
  ['--add'],
  ['--quick', '--full'],
  ['--seeds', '0'],
  ['--seeds', 'x'],
  ['--sizes', '5'],
  ['--other'],
  ['word'],
]) {
  test(`options ${args.join(' ')} are refused`, t => {
    t.throws(() => parseOptions(args), { message: /./, name: 'WeftError' });
  });
}

test('--help asks for nothing else', t => {
  t.is(parseOptions(['--help']), undefined);
});
