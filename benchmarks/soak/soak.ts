/** One soak from its labs to its samples. */
import { availableParallelism } from 'node:os';
import { Lab } from '../../daemon/lab/lab.ts';
import { type Clock, delay } from '../../dataplane/clock.ts';
import { boxCpuSeconds } from '../cpu.ts';
import { aboutMachine } from '../machine.ts';
import { summarize } from '../statistics.ts';
import { KernelVxlanSubject } from '../subjects/kernel-vxlan.ts';
import { Bulk } from './bulk.ts';
import { type CapacityOptions, measureCapacity } from './capacity.ts';
import { sampleDaemon } from './daemon-sample.ts';
import { warmUpWindows } from './judge.ts';
import { buildMachines, type Machines } from './machines.ts';
import { Mishaps } from './mishaps.ts';
import { newKey, Operator } from './operator.ts';
import { FEWEST_WINDOWS, type Options } from './options.ts';
import { restLike, restOf } from './rest.ts';
import { Rovers } from './rovers.ts';
import type { Soak, Window } from './samples.ts';
import { smallTraffic } from './small.ts';
import { Tasks } from './tasks.ts';
import { trickle } from './trickle.ts';

export interface SoakModules {
  readonly clock: Clock;
  /** Tells a person how far it is. */
  readonly tell: (line: string) => void;
}

/** Of the unlimited stream, what the bulk offers: the rest of the machine is for the other traffic. */
const BULK_SHARE = 0.5;
/** The stream outlives the load, so that its end is never in a window. */
const SPARE_S = 600;

const LOOK_MS = 5000;
const MOVE_MS = 5000;
const VISIT_MS = 3000;
const RECONFIGURE_MS = 60_000;
const CHANGE_KEY_MS = 120_000;

export async function soak(modules: SoakModules, options: Options): Promise<Soak> {
  const labs: Lab[] = [];
  try {
    return await inLabs(labs, modules, options);
  } catch (error) {
    for (const lab of labs) process.stderr.write(`${lab.report()}\n`);
    throw error;
  } finally {
    for (const lab of labs) await lab.destroy();
  }
}

async function inLabs(labs: Lab[], { clock, tell }: SoakModules, options: Options): Promise<Soak> {
  const { versions: _, ...machine } = await aboutMachine([], clock);
  const kernelLab = await Lab.create({ name: 'soak-kernel' });
  labs.push(kernelLab);
  const lab = await Lab.create({ name: 'soak' });
  labs.push(lab);
  tell('building');
  const kernel = await new KernelVxlanSubject().build(kernelLab);
  const key = newKey();
  const machines = await buildMachines(lab, options.attach, key);
  const { vms, bulk: bulkPair } = machines;
  const rovers = new Rovers(lab, machines);
  const operator = new Operator(vms, key);

  tell('measuring what the path carries');
  const probe = probeOf(options);
  const before = await measureCapacity(bulkPair, kernel, probe);
  const offeredMbit = options.mbit ?? summarize(before.weft).median * BULK_SHARE;

  await rehearse(rovers, operator);
  const restBefore = await Promise.all(vms.map(restOf));

  tell(`${options.seconds} s of mixed load, with ${Math.round(offeredMbit)} Mbit/s of bulk`);
  const start = clock.now();
  const mishaps = new Mishaps({ second: () => (clock.now() - start) / 1000, tell });
  const tasks = new Tasks({ clock, mishaps });
  const bulk = await Bulk.start(bulkPair, { mbit: offeredMbit, seconds: options.seconds + SPARE_S });
  await rovers.arrive();
  // Both at once would now and then have one and the same machine take two containers; that is wanted.
  tasks.every('looks', LOOK_MS, () => operator.look());
  tasks.every('moves', MOVE_MS, () => rovers.move());
  tasks.every('visits', VISIT_MS, () => rovers.visit());
  tasks.every('changes of the configuration', RECONFIGURE_MS, () => operator.reconfigure());
  tasks.every('changes of the key', CHANGE_KEY_MS, () => operator.changeKey());
  const windows = await sampleWindows({ clock, tell, machines, bulk, mishaps }, options);
  const done = await tasks.end();
  await bulk.stop();
  await rovers.leave();
  const restAfter = await Promise.all(restBefore.map((rest, i) => restLike(vms[i] ?? vms[0], rest, clock)));

  tell('measuring what the path carries');
  const after = await measureCapacity(bulkPair, kernel, probe);
  return {
    about: {
      ...machine,
      attach: options.attach,
      seconds: options.seconds,
      windowSeconds: options.windowSeconds,
      offeredMbit,
      warmUpWindows: warmUpWindows(windows.length),
    },
    capacity: { before, after },
    rest: { before: restBefore, after: restAfter },
    windows,
    done,
    mishaps: mishaps.all,
  };
}

/** In a soak of seconds, less. */
function probeOf({ seconds }: Options): CapacityOptions {
  return seconds < 120 ? { rounds: 1, seconds: 1 } : { rounds: 5, seconds: 3 };
}

/** Each kind of thing once, so that what a daemon makes only once is there before it is counted. */
async function rehearse(rovers: Rovers, operator: Operator): Promise<void> {
  await rovers.arrive();
  await rovers.move();
  await rovers.visit();
  await operator.look();
  await operator.reconfigure();
  await operator.changeKey();
  await rovers.leave();
}

interface WindowModules extends SoakModules {
  readonly machines: Machines;
  readonly bulk: Bulk;
  readonly mishaps: Mishaps;
}

async function sampleWindows(
  { clock, tell, machines, bulk, mishaps }: WindowModules,
  { seconds, windowSeconds }: Options,
): Promise<Window[]> {
  const windows: Window[] = [];
  const start = clock.now();
  let last = await receivedAt(bulk, mishaps, clock);
  // On a machine that is too slow windows are longer.
  while (clock.now() - start < seconds * 1000 || windows.length < FEWEST_WINDOWS) {
    const begin = clock.now();
    const busyBefore = boxCpuSeconds();
    const [small] = await Promise.all([
      smallTraffic(machines.small, windowSeconds, mishaps),
      trickle(machines.small, windowSeconds, mishaps),
    ]);
    await delay(clock, Math.max(0, begin + windowSeconds * 1000 - clock.now()));
    const now = await receivedAt(bulk, mishaps, clock);
    const deliveredMbit =
      now === undefined || last === undefined ? 0 : ((now.bytes - last.bytes) * 8) / 1e3 / (now.ms - last.ms);
    last = now;
    const busyShare =
      ((boxCpuSeconds() - busyBefore) * 1000) / (clock.now() - begin) / availableParallelism();
    const second = (clock.now() - start) / 1000;
    const daemons = await Promise.all(machines.vms.map(sampleDaemon));
    windows.push({ second, deliveredMbit, ...small, busyShare, daemons });
    const memory = daemons.map(({ rssMb }) => rssMb.toFixed(1)).join(' ');
    tell(`${second.toFixed(0)} s: ${deliveredMbit.toFixed(0)} Mbit/s delivered; RSS ${memory} MB`);
  }
  return windows;
}

async function receivedAt(
  bulk: Bulk,
  mishaps: Mishaps,
  clock: Clock,
): Promise<{ readonly bytes: number; readonly ms: number } | undefined> {
  return await mishaps.attempt('bulk', async () => {
    const asked = clock.now();
    const bytes = await bulk.received();
    // The kernel told it somewhere between the two.
    return { bytes, ms: (asked + clock.now()) / 2 };
  });
}
