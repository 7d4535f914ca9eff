import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { ClockWatch } from './clock-watch.ts';

test('each step of the wall clock is one line of the log, and neither a slow one nor a suspension is', t => {
  const clock = new ManualClock();
  const { log, lines } = memoryLog();
  const watch = new ClockWatch({ clock, log });
  const look = (): unknown[] => {
    clock.advance(30_000);
    watch.look();
    watch.look();
    return lines.splice(0).map(({ level, msg, clock_ms }) => `${level} ${msg} ${clock_ms}`);
  };
  const said = 'warn the clock of this machine was set, or it stood still';
  t.deepEqual(look(), []);
  clock.stepWall(86_400_000);
  t.deepEqual(look(), [`${said} 86400000`]);
  clock.stepWall(-2 * 86_400_000);
  t.deepEqual(look(), [`${said} -172800000`]);
  for (let second = 0; second < 100; second++) {
    clock.stepWall(15);
    t.deepEqual(look(), []);
  }
  clock.suspend(3_600_000);
  t.deepEqual(look(), []);
});
