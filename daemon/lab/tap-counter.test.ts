import test from 'ava';
import { TapCounter } from './tap-counter.ts';

function count(status: number | null, ...lines: readonly string[]): { passed: number; failed: number } {
  const counter = new TapCounter();
  for (const line of lines) counter.line(line);
  counter.end(status);
  return { passed: counter.passed, failed: counter.failed };
}

test('TapCounter counts results and passes over everything else', t => {
  const lines = [
    'TAP version 13',
    'ok 1 - x › good',
    '#   ok 5 - a log line',
    'not ok 2 - x › bad',
    '  ---',
    '  ok: no',
    '  ...',
    'ok 3 - x › later # SKIP',
    'not ok 4 - x › one day # TODO',
    'okay',
    '1..4',
    '# pass 1',
  ];
  t.deepEqual(count(1, ...lines), { passed: 1, failed: 1 });
});

test('TapCounter.end() makes a failure of a crash, a signal and a step without tests', t => {
  t.deepEqual(count(0, 'ok 1 - a'), { passed: 1, failed: 0 });
  t.deepEqual(count(2, 'ok 1 - a'), { passed: 1, failed: 1 });
  t.deepEqual(count(null, 'ok 1 - a'), { passed: 1, failed: 1 });
  t.deepEqual(count(0), { passed: 0, failed: 1 });
  t.deepEqual(count(1, 'not ok 1 - a', 'not ok 2 - b'), { passed: 0, failed: 2 });
});

test('TapCounter keeps the titles of what failed, and why', t => {
  const counter = new TapCounter();
  const lines = [
    'not ok 1 - x › bad',
    '#   a log line',
    '  ---',
    '    message: it is not so',
    '  ...',
    '  not part of it',
    'ok 2 - x › good',
    '  ---',
    '    message: of no failure',
    '  ...',
    'not ok 3 - y › bad too # 3 of them',
  ];
  for (const line of lines) counter.line(line);
  counter.end(1);
  t.deepEqual(counter.failures, [
    { title: 'x › bad', details: ['    message: it is not so'] },
    { title: 'y › bad too # 3 of them', details: [] },
  ]);
});

test('TapCounter keeps no more than thirty lines of a failure, and names a step that crashed', t => {
  const counter = new TapCounter();
  for (const line of ['not ok 1 - a', '  ---', ...Array.from({ length: 100 }, String)]) counter.line(line);
  t.is(counter.failures[0]?.details.length, 30);
  const crashed = new TapCounter();
  crashed.end(7);
  t.deepEqual(crashed.failures, [{ title: 'the step itself (exit 7)', details: [] }]);
});

test('TapCounter keeps what was not tested, with the lines that belong to it', t => {
  const counter = new TapCounter();
  const lines = [
    'ok 1 - x › with loss',
    '#   NOT TESTED HERE: loss: no rule sees a packet',
    '#   $ nft list ruleset',
    '#   240 containers attached',
    'ok 2 - y',
    '#   a log line of its own',
  ];
  for (const line of lines) counter.line(line);
  t.deepEqual(counter.untested, [
    ['loss: no rule sees a packet', '#   $ nft list ruleset', '#   240 containers attached'],
  ]);
});
