/**
 * Many tests wait for the kernel, for other programs and for V8, on a machine that others use too. Those that fail are run once more, in their files
 * alone and one at a time; what fails twice has failed, and what passes then is named, so that it is not taken for steady.
 */
import type { Failure, TapCounter } from './tap-counter.ts';
import { serialStep, type TestStep } from './test-steps.ts';

export interface Outcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** Failed at first, and passed the second time. */
  readonly unsteady: readonly Failure[];
  /** What could not be tested on this machine. */
  readonly untested: readonly (readonly string[])[];
}

const TEST_FILE = '.test.js';

/** The step once more, with the files alone in which these tests failed; undefined if it is none of test files. */
export function secondTry(step: TestStep, failures: readonly Failure[]): TestStep | undefined {
  const files = step.args.filter(arg => arg.endsWith(TEST_FILE));
  const isOfOne = files.length === 1 && failures.length > 0;
  const common = commonDirectory(files);
  const hasFailed = (file: string) => {
    const name = nameOf(file.slice(common.length));
    return failures.some(({ title }) => title.startsWith(`${name} › `));
  };
  const again = isOfOne ? files : files.filter(hasFailed);
  return again.length === 0 ? undefined : serialStep(`${step.title}: what failed, once more`, again);
}

/** What is to be said of both tries, or of the only one. */
export function outcomeOf(first: TapCounter, second: TapCounter | undefined): Outcome {
  if (second === undefined) {
    const { passed, failures, untested } = first;
    return { passed, failures, unsteady: [], untested };
  }
  // A try of one file does not say its name before the titles.
  const isSame = (one: Failure, other: Failure) =>
    one.title === other.title || one.title.endsWith(` › ${other.title}`);
  const steady = first.failures.filter(one => second.failures.some(other => isSame(one, other)));
  const fresh = second.failures.filter(other => !first.failures.some(one => isSame(one, other)));
  // Nothing passed: it did not come to the tests at all.
  const failures = second.passed === 0 ? first.failures : [...steady, ...fresh];
  const unsteady = first.failures.filter(failure => !failures.includes(failure));
  const untested = [...first.untested, ...second.untested];
  return { passed: first.passed + unsteady.length, failures, unsteady, untested };
}

/** The directory that all are in, with its `/`; empty if there is none. */
function commonDirectory([first = '', ...others]: readonly string[]): string {
  let end = first.lastIndexOf('/') + 1;
  while (!others.every(file => file.startsWith(first.slice(0, end))))
    end = first.lastIndexOf('/', end - 2) + 1;
  return first.slice(0, end);
}

/** As ava puts it before the titles, of a path from the directory that all files are in. */
function nameOf(path: string): string {
  return path.slice(0, -TEST_FILE.length).replaceAll('/', ' › ');
}
