/**
 * A daemon that may open no more files: RLIMIT_NOFILE lowered while it runs (prlimit(2)).
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══ [ weft b ] ── b-c1 198.18.0.2
 */
import test from 'ava';
import { delay, systemClock } from '../../dataplane/clock.ts';
import { openDescriptors, processorTime } from '../lab/process-state.ts';
import { runCommand } from '../lab/run-command.ts';
import type { Vm } from '../lab/vm.ts';
import { waitFor } from '../lab/wait-for.ts';
import { inLab } from './in-lab.ts';
import { ATTACH_MODES, assertPing, attachPair, localEndpoints, startPair, waitForPing } from './overlay.ts';

/** With how many free descriptors an attach is tried: it fails in another place with each, or succeeds. */
const FREE = [0, 1, 2, 3, 4, 6, 8, 12];

async function limit(vm: Vm, descriptors: number): Promise<void> {
  // The soft one: of the other the machine has no right to take away.
  await runCommand('prlimit', ['--pid', String(vm.daemon.pid), `--nofile=${descriptors}:`]);
}

/** Lets it open so many more: the limit is of the numbers, of which the lowest free one is taken. */
async function leaveFree(vm: Vm, count: number): Promise<void> {
  const open = new Set(openDescriptors(vm.daemon.pid));
  let next = 0;
  for (let free = 0; free < count || open.has(next); next++) if (!open.has(next)) free++;
  await limit(vm, next);
}

for (const mode of ATTACH_MODES) {
  test(`EMFILE (${mode}): an attach is refused and leaves nothing, frames are carried, nothing spins, and all is well again with room`, async t => {
    await inLab(t, `emfile-${mode}`, async lab => {
      const pair = await startPair(lab, { attach: mode });
      const { a } = pair;
      const { c1 } = await attachPair(pair);
      const late = await a.addContainer('c9');
      const place = { netns: late.netns, network: 'blue', ifname: 'eth0' };
      const request = { ...place, addresses: ['198.18.0.9/24'], mac: undefined };
      await waitForPing(c1, '198.18.0.2');
      const links = async () => (await a.links()).map(({ ifname }) => ifname).toSorted();
      // What the first attach opens once and keeps.
      await a.api.attach(request);
      await a.api.detach(place);
      const before = { links: await links(), open: openDescriptors(a.daemon.pid).length };
      const outcomes: string[] = [];
      for (const free of FREE) {
        await leaveFree(a, free);
        const outcome = await a.api.attach(request).then(
          () => 'attached',
          (error: Error) => error.message,
        );
        outcomes.push(outcome);
        await assertPing(t, c1, '198.18.0.2');
        await limit(a, 1024);
        if (outcome === 'attached') await a.api.detach(place);
        t.is((await localEndpoints(a)).length, 1, outcome);
        t.deepEqual(await links(), before.links, outcome);
        t.deepEqual(
          (await late.links()).map(({ ifname }) => ifname),
          ['lo'],
          outcome,
        );
      }
      t.log(outcomes.map((outcome, i) => `${FREE[i]} free: ${outcome}`).join('\n'));
      t.not(outcomes[0], 'attached');

      // Somebody who asks all the time while nothing can be accepted.
      await leaveFree(a, 0);
      const [start, used] = [systemClock.now(), processorTime(a.daemon.pid)];
      let asked = 0;
      while (systemClock.now() - start < 2000) {
        await a.api.status().catch(() => {});
        asked++;
        await delay(systemClock, 100);
      }
      const share = (processorTime(a.daemon.pid) - used) / (systemClock.now() - start);
      t.log(`asked ${asked} times without a descriptor: ${(100 * share).toFixed(0)} % of a processor`);
      t.true(share < 0.5, `${share}`);
      await limit(a, 1024);
      await a.api.attach(request);
      await waitForPing(late, '198.18.0.2');
      await a.api.detach(place);
      await waitFor(() => openDescriptors(a.daemon.pid).length <= before.open + 1, {
        what: 'no descriptor to be left open',
      });
    });
  });
}
