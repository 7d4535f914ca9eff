import test from 'ava';
import { testSteps } from './test-steps.ts';

const FILES = ['dist/dataplane/vxlan.test.js', 'dist/daemon/e2e/join.test.js', 'dist/control/join.test.js'];

function filesOf(selection: string | undefined): string[][] {
  return testSteps(FILES, selection).map(step => step.args.filter(arg => arg.endsWith('.js')));
}

test('testSteps() runs unit tests, then end-to-end tests one at a time, the sanitizers, the differential test', t => {
  t.deepEqual(filesOf(undefined), [
    ['dist/dataplane/vxlan.test.js', 'dist/control/join.test.js'],
    ['dist/daemon/e2e/join.test.js'],
    [],
    [],
  ]);
  const [unit, e2e] = testSteps(FILES, undefined);
  t.false(unit?.args.includes('--serial'));
  t.true(e2e?.args.includes('--serial'));
});

test('testSteps() selects a step by its name and files by a part of their path', t => {
  t.deepEqual(filesOf('unit'), [['dist/dataplane/vxlan.test.js', 'dist/control/join.test.js']]);
  t.deepEqual(filesOf('e2e'), [['dist/daemon/e2e/join.test.js']]);
  t.deepEqual(filesOf('sanitized'), [[]]);
  t.deepEqual(filesOf('differential'), [[]]);
  t.deepEqual(filesOf('join'), [['dist/control/join.test.js'], ['dist/daemon/e2e/join.test.js']]);
  t.deepEqual(filesOf('nothing-like-it'), []);
});
