/**
 * `node dist/daemon/lab/run-tests.js [unit | e2e | sanitized | differential | PART-OF-A-PATH]`: runs the tests (everything without an
 * argument) and ends with the line "N passed, N failed". The exit status is 0 only if nothing failed.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { Lab } from './lab.ts';
import { TapCounter } from './tap-counter.ts';
import { type TestStep, testSteps } from './test-steps.ts';

const REPOSITORY = new URL('../../../', import.meta.url);
const BUILT = 'dist/';

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
  const child = spawn(step.command, step.args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', line => {
    counter.line(line);
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
  return counter;
}

async function main(selection: string | undefined): Promise<number> {
  let passed = 0;
  let failed = 0;
  try {
    for (const name of Lab.sweep()) write(`removed what a crashed run left: ${name}`);
    const steps = testSteps(testFiles(), selection);
    if (steps.length === 0) throw new WeftError('not_found', `no test file has "${selection}" in its path`);
    for (const step of steps) {
      const counter = await run(step, systemClock);
      passed += counter.passed;
      failed += counter.failed;
    }
  } catch (error) {
    process.stderr.write(`${error instanceof WeftError ? error.line : String(error)}\n`);
    failed++;
  }
  write(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv[2]);
