import test from 'ava';
import type { PlacedClaim } from '../../control/records/claim.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { ClaimTimes } from './claim-times.ts';

const DAY = 86_400_000;
const START = 100 * DAY;

/** Two machines, the clock of the other of which is wrong by `peerMs`. */
function setUp({ peerMs = 0 } = {}) {
  const clock = new ManualClock();
  clock.advance(START);
  const { log, lines } = memoryLog();
  const times = new ClaimTimes({ clock, log }, { self: 'a' });
  times.start();
  clock.advance(10_000);
  let made = 0;
  /** A container starts there, and is known here 5 ms later. */
  const attach = (): void => {
    const claim = { vni: 42, mac: ++made, origin: 'b', claimedAt: clock.now() + peerMs } as PlacedClaim;
    clock.advance(2);
    times.claimed(claim, undefined);
    clock.advance(3);
    times.installed({ ...claim, vtep: undefined } as never);
  };
  return { clock, times, lines, attach };
}

test('clocks that are right measure', t => {
  const { times, attach, lines } = setUp();
  attach();
  attach();
  t.like(times.usable.report(), { count: 2, skewed: 0, max: 5 });
  t.deepEqual(lines, []);
});

test('a peer whose clock is a day ahead measures nothing, and is named once an hour', t => {
  const { clock, times, attach, lines } = setUp({ peerMs: DAY });
  attach();
  attach();
  const line = { level: 'warn', msg: 'the clock of a peer is ahead of ours', peer: 'b', clock_ms: DAY - 5 };
  t.is(lines.length, 1);
  t.like(lines[0], line);
  clock.advance(3_600_000);
  attach();
  t.is(lines.length, 2);
  t.like(times.usable.report(), { count: 0, skewed: 3, max: null });
});

test('a peer whose clock is a day behind measures nothing, however long we listen', t => {
  const { clock, times, attach, lines } = setUp({ peerMs: -DAY });
  attach();
  clock.advance(2 * DAY);
  attach();
  t.like(times.usable.report(), { count: 0, skewed: 1, max: null });
  t.deepEqual(lines, [], 'it could as well have been a partition: its own log has it');
});

for (const days of [1, -1]) {
  test(`our clock is set by ${days} d and back: what is measured again is right at once`, t => {
    const { clock, times, attach } = setUp();
    clock.stepWall(days * DAY);
    attach();
    t.is(times.usable.report().count, 0);
    clock.stepWall(-days * DAY);
    attach();
    t.like(times.usable.report(), { count: 1, max: 5 });
  });

  test(`our clock was wrong by ${-days} d at the start, and is set right: what is measured is right at once`, t => {
    const clock = new ManualClock();
    clock.advance(START);
    clock.stepWall(-days * DAY);
    const { log } = memoryLog();
    const times = new ClaimTimes({ clock, log }, { self: 'a' });
    times.start();
    clock.advance(10_000);
    clock.stepWall(days * DAY);
    const claim = { vni: 42, mac: 1, origin: 'b', claimedAt: clock.wallTime() } as PlacedClaim;
    clock.advance(7);
    times.claimed(claim, undefined);
    times.installed({ ...claim, vtep: undefined } as never);
    t.like(times.usable.report(), { count: 1, max: 7 });
  });
}
