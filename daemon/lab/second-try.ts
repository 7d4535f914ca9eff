/**
 * End-to-end tests run against time limits, on a machine that others use too. Those that fail are run once more, in their files alone;
 * what fails twice has failed, and what passes then is named, so that it is not taken for steady.
 */
import type { Failure, TapCounter } from './tap-counter.ts';
import { E2E, e2eStep, type TestStep } from './test-steps.ts';

export interface Outcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** Failed at first, and passed the second time. */
  readonly unsteady: readonly Failure[];
  /** What could not be tested on this machine. */
  readonly untested: readonly (readonly string[])[];
}

/** The step once more, with the files alone in which these tests failed; undefined if that is no end-to-end test. */
export function secondTry(step: TestStep, failures: readonly Failure[]): TestStep | undefined {
  const names = new Set(failures.map(({ title }) => title.split(' › ', 1)[0]));
  const files = step.args.filter(arg => arg.startsWith(E2E));
  const isOfOne = files.length === 1 && failures.length > 0;
  const again = isOfOne ? files : files.filter(file => names.has(nameOf(file)));
  if (again.length === 0) return undefined;
  return { ...e2eStep(again), title: `${step.title}: what failed, once more` };
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

/** As ava puts it before the titles. */
function nameOf(file: string): string {
  return file.slice(E2E.length).replace(/\.test\.js$/, '');
}
