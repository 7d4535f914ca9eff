import test from 'ava';
import { testSteps } from './test-steps.ts';

const FILES = ['dist/dataplane/vxlan.test.js', 'dist/daemon/e2e/join.test.js', 'dist/control/join.test.js'];

function filesOf(...selections: readonly string[]): string[][] {
  return testSteps(FILES, selections).map(step => step.args.filter(arg => arg.endsWith('.js')));
}

test('testSteps() runs unit tests, then end-to-end tests one at a time, the sanitizers, the differential test', t => {
  t.deepEqual(filesOf(), [
    ['dist/dataplane/vxlan.test.js', 'dist/control/join.test.js'],
    ['dist/daemon/e2e/join.test.js'],
    [],
    [],
  ]);
  const [unit, e2e] = testSteps(FILES, []);
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
  t.deepEqual(filesOf('e2e/join', 'vxlan'), [
    ['dist/dataplane/vxlan.test.js'],
    ['dist/daemon/e2e/join.test.js'],
  ]);
});
