import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { waitFor } from './wait-for.ts';

/** Lets `waitFor` run between two steps of the manual clock. */
async function drive(clock: ManualClock, steps: number, stepMs: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    await new Promise(resolve => setImmediate(resolve));
    clock.advance(stepMs);
  }
}

test('waitFor() returns the first value that is not undefined, null or false', async t => {
  const clock = new ManualClock();
  const values = [undefined, null, false, 0];
  const found = waitFor(() => values.shift(), { what: 'a value', clock });
  await drive(clock, 4, 50);
  t.is(await found, 0);
  t.is(values.length, 0);
});

test('waitFor() takes an exception for "not yet" and tells the last one when the time is over', async t => {
  const clock = new ManualClock();
  let calls = 0;
  const failed = t.throwsAsync(
    waitFor(
      () => {
        calls++;
        throw new Error(`refused ${calls}`);
      },
      { what: 'the API', timeoutMs: 100, intervalMs: 50, clock },
    ),
  );
  await drive(clock, 5, 50);
  const error = await failed;
  t.is(error.message, 'timed out waiting for the API: not within 100 ms; last: refused 3');
  t.is(calls, 3);
});
