/** What a machine holds while nothing comes or goes: what is more after the load than before it was left behind. */
import { openDescriptors, threads } from '../../daemon/lab/process-state.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { type Clock, delay } from '../../dataplane/clock.ts';

export interface RestSample {
  readonly node: string;
  readonly descriptors: number;
  readonly threads: number;
  /** Interfaces of the machine. */
  readonly links: number;
  readonly endpoints: number;
}

/** How long what was closed may take to be gone. */
const PATIENCE_MS = 15_000;
const LOOK_MS = 250;

export async function restOf(vm: Vm): Promise<RestSample> {
  return {
    node: vm.name,
    descriptors: openDescriptors(vm.daemon.pid).length,
    threads: threads(vm.daemon.pid),
    links: (await vm.links()).length,
    endpoints: (await vm.api.endpoints()).filter(({ where }) => where === 'local').length,
  };
}

/** As it was `before`, as soon as it is; else as it is when patience ends. */
export async function restLike(vm: Vm, before: RestSample, clock: Clock): Promise<RestSample> {
  const start = clock.now();
  for (;;) {
    const now = await restOf(vm);
    if (JSON.stringify(now) === JSON.stringify(before) || clock.now() - start > PATIENCE_MS) return now;
    await delay(clock, LOOK_MS);
  }
}
