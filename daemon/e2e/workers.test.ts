/**
 * Several dataplane workers: the traffic of the other tests through two and four of them.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══ switch, MTU 1500, wire-like ══ [ weft b ] ── 198.18.0.2 b-c1
 */
import test from 'ava';
import type { StatusReport } from '../operations.ts';
import { inLab } from './in-lab.ts';
import {
  ATTACH_MODES,
  assertPing,
  assertStream,
  attachPair,
  losses,
  startPair,
  waitForPing,
} from './overlay.ts';

for (const mode of ATTACH_MODES) {
  for (const workers of [2, 4]) {
    test(`workers (${mode}): ${workers} of them carry pings and streams both ways without a loss`, async t => {
      t.timeout(120_000);
      await inLab(t, `workers-${mode}-${workers}`, async lab => {
        const pair = await startPair(lab, { attach: mode, workers });
        const { c1, c2 } = await attachPair(pair);
        await waitForPing(c1, '198.18.0.2');
        t.is((await pair.a.weftJson<StatusReport>('status')).dataplane.workers, workers);
        await assertPing(t, c1, '198.18.0.2', { count: 200, intervalS: 0.002 });
        await assertPing(t, c2, '198.18.0.1', {
          size: 1422,
          dontFragment: true,
          count: 50,
          intervalS: 0.002,
        });
        await assertStream(t, c1, c2, '198.18.0.2', 100_000_000);
        await assertStream(t, c2, c1, '198.18.0.1', 100_000_000);
        for (const vm of [pair.a, pair.b]) t.deepEqual(await losses(vm), []);
      });
    });
  }
}
