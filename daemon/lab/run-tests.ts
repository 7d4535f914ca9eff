/**
 * `node dist/daemon/lab/run-tests.js [unit | e2e | sanitized | differential | PART-OF-A-PATH…]`: runs the tests (everything without an
 * argument) and ends with what failed, and the line "N passed, N failed". The exit status is 0 only if nothing failed. Tests that
 * failed are run once more, in their files alone; what passes then is told as unsteady; so is what could not be tested on this machine.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { FileTimes } from './file-times.ts';
import { Lab } from './lab.ts';
import { type Outcome, outcomeOf, secondTry } from './second-try.ts';
import { type Failure, TapCounter } from './tap-counter.ts';
import { type TestStep, testSteps } from './test-steps.ts';

const REPOSITORY = new URL('../../../', import.meta.url);
const BUILT = 'dist/';
/** How many of the slowest files are named. */
const SLOWEST = 12;

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

function testFiles(): string[] {
  return readdirSync(new URL(BUILT, REPOSITORY), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.test.js'))
    .map(path => BUILT + path)
    .sort();
}

/** Runs one step, passes its output on, and counts. */
async function run(step: TestStep, clock: Clock): Promise<TapCounter> {
  write(`\n=== ${step.title}`);
  const start = clock.now();
  const counter = new TapCounter();
  const times = new FileTimes(start);
  const child = spawn(step.command, step.args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', line => {
    counter.line(line);
    times.line(line, clock.now());
    write(line);
  });
  const status = await new Promise<number | null>(resolve => {
    child.on('error', error => {
      write(`cannot run ${step.command}: ${error.message}`);
      resolve(null);
    });
    child.on('close', code => resolve(code));
  });
  counter.end(status);
  const seconds = ((clock.now() - start) / 1000).toFixed(1);
  write(
    `=== ${step.title}: ${counter.passed} passed, ${counter.failed} failed in ${seconds} s (exit ${status})`,
  );
  if (step.isSerial === true) tellSlowest(times);
  return counter;
}

function tellSlowest(times: FileTimes): void {
  const slowest = times.slowest(SLOWEST);
  if (slowest.length === 0) return;
  const named = slowest.map(({ file, ms }) => `${file} ${Math.round(ms / 1000)}`);
  write(`=== the slowest files, in seconds: ${named.join(', ')}`);
}

async function runTwice(step: TestStep): Promise<Outcome> {
  const first = await run(step, systemClock);
  const again = secondTry(step, first.failures);
  return outcomeOf(first, again === undefined ? undefined : await run(again, systemClock));
}

function tell(heading: string, failures: readonly Failure[]): void {
  if (failures.length === 0) return;
  write(`\n=== ${heading}`);
  for (const { title, details } of failures) for (const line of [title, ...details]) write(line);
}

async function main(selections: readonly string[]): Promise<number> {
  let passed = 0;
  const failures: Failure[] = [];
  const unsteady: Failure[] = [];
  const untested: Failure[] = [];
  try {
    for (const name of Lab.sweep()) write(`removed what a crashed run left: ${name}`);
    const steps = testSteps(testFiles(), selections);
    if (steps.length === 0)
      throw new WeftError('not_found', `no test file has "${selections.join('" or "')}" in its path`);
    for (const step of steps) {
      const outcome = await runTwice(step);
      passed += outcome.passed;
      failures.push(...outcome.failures);
      unsteady.push(...outcome.unsteady);
      untested.push(...outcome.untested.map(([title = '', ...details]) => ({ title, details })));
    }
  } catch (error) {
    const title = error instanceof WeftError ? error.line : String(error);
    process.stderr.write(`${title}\n`);
    failures.push({ title, details: [] });
  }
  tell('not tested on this machine', untested);
  tell('failed at first, passed the second time', unsteady);
  tell('failed', failures);
  write(`\n${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
