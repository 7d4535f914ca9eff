import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const PROGRAM = fileURLToPath(new URL('./testing/heap-growth.js', import.meta.url));

/** What asking for the size of the heap and an interrupted optimisation take; one empty object a batch is 4 times that. */
const TOLERATED_BYTES = 64 * 1024;

test('a million frames of all kinds take nothing from the JavaScript heap', async t => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    // V8 forgets what has not run for a few collections, and what only one kind of frame needs has not.
    '--no-flush-bytecode',
    '--min-semi-space-size=16',
    PROGRAM,
  ]);
  const { frames, bytes, delivered, arp, nd } = JSON.parse(stdout) as Record<string, number>;
  t.log(stderr);
  t.true((frames ?? 0) >= 1_000_000);
  t.true((delivered ?? 0) >= (frames ?? 0), 'the frames went somewhere');
  t.true(Math.min(arp ?? 0, nd ?? 0) > 50_000, `${arp} ARP requests and ${nd} solicitations answered`);
  t.true((bytes ?? Number.POSITIVE_INFINITY) < TOLERATED_BYTES, `the heap grew by ${bytes} bytes`);
});
