import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runCommand } from './lab/run-command.ts';

const HEAP_PEAK = fileURLToPath(new URL('./testing/heap-peak.js', import.meta.url));

async function peak(...args: readonly string[]): Promise<number> {
  const { stdout, stderr } = await runCommand(process.execPath, [HEAP_PEAK, ...args]);
  // V8 says so on standard error when it does not know a flag.
  if (stderr !== '') throw new Error(stderr);
  return Number(stdout);
}

test('with a bound the same program keeps less garbage', async t => {
  const [free, bound] = [await peak(), await peak('bound')];
  t.true(bound < free - 5e6, `${bound} bytes with the bound, ${free} without`);
});
