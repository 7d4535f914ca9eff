import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { waitFor } from '../lab/wait-for.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { NetworkWatch } from './network-watch.ts';

test('a monitor that cannot be started is told once, and each retry counts as a change', async t => {
  const { PATH } = process.env;
  Object.assign(process.env, { PATH: '/nonexistent' });
  t.teardown(() => Object.assign(process.env, { PATH }));
  const { log, lines } = memoryLog();
  const clock = new ManualClock();
  let changes = 0;
  const watch = new NetworkWatch({ clock, log }, () => {
    changes++;
  });
  t.teardown(() => watch.stop());
  watch.start();
  for (const retries of [1, 2, 3]) {
    const isRetried = () => {
      clock.advance(5000);
      return Promise.resolve(changes >= retries);
    };
    await waitFor(isRetried, { what: `retry ${retries}` });
  }
  t.is(lines.length, 1);
  t.like(lines[0], { level: 'warn', reason: 'spawn setpriv ENOENT', retry_ms: 5000 });
});
