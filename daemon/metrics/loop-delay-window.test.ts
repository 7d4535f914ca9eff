import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { type DelayHistogram, LoopDelayWindow } from './loop-delay-window.ts';

/** All that was measured since the last reset took this long. */
class FakeHistogram implements DelayHistogram {
  count = 0;
  milliseconds = 0;
  resets = 0;
  enabled = false;

  percentile(percentage: number): number {
    return this.milliseconds * 1e6 * (percentage / 100);
  }
  reset(): void {
    this.resets += 1;
    this.count = 0;
  }
  enable(): boolean {
    this.enabled = true;
    return true;
  }
  disable(): boolean {
    this.enabled = false;
    return true;
  }
}

test('what is told is the last whole minute, however often it is asked for', t => {
  const clock = new ManualClock();
  const histogram = new FakeHistogram();
  const window = new LoopDelayWindow(clock, histogram);
  t.true(histogram.enabled);
  t.deepEqual(window.report(), []);
  histogram.count = 50;
  histogram.milliseconds = 120;
  const first = window.report();
  t.deepEqual(
    first.map(([percentile, seconds]) => [percentile, Math.round(seconds * 1000)]),
    [
      ['50', 40],
      ['90', 88],
      ['99', 99],
      ['100', 100],
    ],
  );
  clock.advance(60_000);
  histogram.count = 50;
  histogram.milliseconds = 20;
  t.deepEqual(window.report(), first);
  t.deepEqual(window.report(), first);
  t.is(histogram.resets, 1);
  clock.advance(60_000);
  t.deepEqual(window.report().at(-1), ['100', 0]);
  window.stop();
  t.false(histogram.enabled);
  clock.advance(600_000);
  t.is(histogram.resets, 2);
});

test('a stall of this process is seen', async t => {
  const clock = new ManualClock();
  const window = new LoopDelayWindow(clock);
  t.teardown(() => window.stop());
  const turn = () => new Promise<void>(resolve => setImmediate(resolve));
  // The first measurement is the time between two of its timers, so both have to come before the stall.
  while (window.report().length === 0) await turn();
  const begin = process.hrtime.bigint();
  while (process.hrtime.bigint() - begin < 150_000_000n);
  let longest = 0;
  for (let turns = 0; turns < 1_000_000 && longest < 0.1; turns++) {
    await turn();
    longest = window.report().at(-1)?.[1] ?? 0;
  }
  t.true(longest >= 0.1, `${longest} s`);
});
