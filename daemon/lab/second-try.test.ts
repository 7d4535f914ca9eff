import test from 'ava';
import { outcomeOf, secondTry } from './second-try.ts';
import { TapCounter } from './tap-counter.ts';
import { type TestStep, testSteps } from './test-steps.ts';

const FILES = [
  'dist/daemon/e2e/join.test.js',
  'dist/daemon/e2e/claims.test.js',
  'dist/control/join.test.js',
  'dist/control/gossip/join.test.js',
  'dist/dataplane/tap.test.js',
];

function counterOf(...lines: readonly string[]): TapCounter {
  const counter = new TapCounter();
  for (const line of lines) counter.line(line);
  return counter;
}

test('secondTry() takes the files in which a test failed, and nothing else', t => {
  const [unit, e2e, sanitized] = testSteps(FILES, []) as [TestStep, TestStep, TestStep];
  const again = (step: TestStep, ...titles: readonly string[]) =>
    secondTry(
      step,
      titles.map(title => ({ title, details: [] })),
    )?.args.filter(arg => arg.endsWith('.js'));
  t.deepEqual(again(e2e, 'claims › it says so', 'claims › and that'), ['dist/daemon/e2e/claims.test.js']);
  t.is(again(e2e), undefined);
  t.is(again(e2e, 'the step itself (exit 1)'), undefined);
  t.deepEqual(again(unit, 'control › join › it does'), ['dist/control/join.test.js']);
  t.deepEqual(again(unit, 'control › gossip › join › so', 'dataplane › tap › x'), [
    'dist/control/gossip/join.test.js',
    'dist/dataplane/tap.test.js',
  ]);
  t.is(again(unit, 'join › it does'), undefined);
  t.is(again(sanitized, 'join › it does'), undefined);
  const [alone] = testSteps(['dist/daemon/e2e/join.test.js'], ['e2e']) as [TestStep];
  t.deepEqual(again(alone, 'join: it says so'), ['dist/daemon/e2e/join.test.js']);
});

test('outcomeOf() tells what failed twice from what failed once', t => {
  const first = counterOf('ok 1 - a › x', 'not ok 2 - a › y', 'not ok 3 - b › z', 'ok 4 - c › v');
  const titles = (failures: readonly { title: string }[]) => failures.map(({ title }) => title);
  const told = (second: TapCounter) => {
    const { passed, failures, unsteady } = outcomeOf(first, second);
    return [passed, titles(failures), titles(unsteady)];
  };
  t.deepEqual(told(counterOf('ok 1 - a › x', 'not ok 2 - a › y', 'ok 3 - b › z')), [3, ['a › y'], ['b › z']]);
  t.deepEqual(told(counterOf('ok 1 - a › x', 'ok 2 - a › y', 'ok 3 - b › z')), [4, [], ['a › y', 'b › z']]);
  // It has not come to the tests, or something else fails now.
  t.deepEqual(told(counterOf()), [2, ['a › y', 'b › z'], []]);
  t.deepEqual(told(counterOf('not ok 1 - a › x', 'ok 2 - a › y')), [4, ['a › x'], ['a › y', 'b › z']]);
});

test('outcomeOf() knows a test of a single file by its title alone', t => {
  const first = counterOf('ok 1 - a › x', 'not ok 2 - a › y');
  const { failures, unsteady } = outcomeOf(first, counterOf('ok 1 - x', 'not ok 2 - y'));
  t.deepEqual([failures.length, unsteady.length], [1, 0]);
});
