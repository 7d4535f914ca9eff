/**
 * A daemon that is stopped for a while, and a machine that has no time for any of them: nobody else may be held for dead.
 *
 *   a-c1 198.18.0.1 ── [ weft a ] ══╗
 *         ...               ...     ╬══ switch        e is the one that is stopped
 *   e-c1 198.18.0.5 ── [ weft e ] ══╝
 */
import test from 'ava';
import { delay, systemClock } from '../../dataplane/clock.ts';
import type { Container } from '../lab/container.ts';
import { readLog } from '../lab/daemon-log.ts';
import type { Lab } from '../lab/lab.ts';
import type { Vm } from '../lab/vm.ts';
import { inLab } from './in-lab.ts';
import { timed, waitForPing } from './overlay.ts';
import { addQuiet, attachBy, detachBy, startPool, waitForPool, waitForTruth } from './pool.ts';

const VMS = 5;

/** Until a suspicion that nobody refutes is a death, with the probe before it: control/suspicion.ts has four seconds. */
const SUSPICION_MS = 8000;

interface Stage {
  readonly vms: readonly Vm[];
  readonly containers: readonly Container[];
  readonly truth: Map<string, string>;
}

async function setStage(lab: Lab): Promise<Stage> {
  const vms = await startPool(lab, VMS);
  const containers = await Promise.all(vms.map(async vm => await addQuiet(vm, 'c1')));
  const truth = new Map<string, string>();
  for (const [i, vm] of vms.entries()) {
    truth.set(await attachBy(vm, containers[i]?.netns ?? '', [`198.18.0.${i + 1}/24`]), vm.underlay);
  }
  await waitForTruth(vms, truth);
  return { vms, containers, truth };
}

/** Who has held whom for dead, as in "a: e"; of machines whose log has not lost its beginning. */
function deaths(vms: readonly Vm[]): string[] {
  return vms.flatMap(({ name, daemon }) => {
    const lines = readLog(daemon.stdout);
    if (!lines.some(({ msg }) => msg === 'offloads')) throw new Error(`the log of ${name} has no beginning`);
    return lines.filter(({ msg }) => msg === 'peer is dead').map(({ peer }) => `${name}: ${peer}`);
  });
}

test('stalls: a daemon that is stopped for 5, 10 and 30 s is the only one that is held for dead, and is back with all it has', async t => {
  t.timeout(240_000);
  await inLab(t, 'stopped', async lab => {
    const { vms, containers, truth } = await setStage(lab);
    const [a, b] = vms;
    const [stopped] = vms.slice(-1);
    const [first] = containers;
    if (a === undefined || b === undefined || stopped === undefined || first === undefined) return t.fail();
    const wanderer = await addQuiet(a, 'c2');
    for (const [i, seconds] of [5, 10, 30].entries()) {
      stopped.daemon.signal('SIGSTOP');
      const start = systemClock.now();
      // Meanwhile something changes elsewhere.
      const [from, to] = i % 2 === 0 ? [b, a] : [a, b];
      await detachBy(from, wanderer.netns);
      truth.set(await attachBy(to, wanderer.netns, ['198.18.0.77/24']), to.underlay);
      await delay(systemClock, start + 1000 * seconds - systemClock.now());
      stopped.daemon.signal('SIGCONT');
      const alive = await timed(() => waitForPool(vms));
      const right = await timed(() => waitForTruth(vms, truth));
      t.log(
        `${seconds} s: alive again after ${Math.round(alive)} ms, tables right ${Math.round(right)} ms later; ` +
          `held for dead by ${deaths(vms).length}`,
      );
      t.deepEqual(
        deaths(vms).filter(death => !death.endsWith(`: ${stopped.name}`)),
        [],
      );
      await waitForPing(first, `198.18.0.${VMS}`);
    }
    await delay(systemClock, SUSPICION_MS);
    t.deepEqual(
      deaths(vms).filter(death => !death.endsWith(`: ${stopped.name}`)),
      [],
      'also of what it thought of the others when it went on',
    );
  });
});

test('stalls: a machine with no time to spare holds nobody for dead', async t => {
  t.timeout(180_000);
  await inLab(t, 'hog', async lab => {
    const { vms, truth } = await setStage(lab);
    const [a] = vms;
    if (a === undefined) return t.fail();
    const hogs = Array.from({ length: 4 }, () =>
      a.spawn('timeout', ['20', 'sh', '-c', 'while :; do :; done']),
    );
    await Promise.all(hogs.map(hog => hog.ended));
    await waitForPool(vms);
    await waitForTruth(vms, truth);
    t.deepEqual(deaths(vms), []);
  });
});
