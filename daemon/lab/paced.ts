import { type Clock, delay } from '../../dataplane/clock.ts';

export interface PaceOptions {
  readonly perSecond: number;
  /** How many may be under way at one time. A machine that is too slow for the pace goes on as fast as it can. */
  readonly atOnce: number;
  /** Asked before each start, with how many there were. */
  readonly goesOn: (started: number) => boolean;
}

/** Starts `work` again and again at a pace, and waits for the end of all. Throws what the first one that failed has thrown. */
export async function paced(
  modules: { readonly clock: Clock },
  { perSecond, atOnce, goesOn }: PaceOptions,
  work: () => Promise<void>,
): Promise<number> {
  const { clock } = modules;
  const interval = 1000 / perSecond;
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let started = 0;
  let next = clock.now();
  for (;;) {
    const early = next - clock.now();
    if (early > 0) await delay(clock, early);
    while (underWay.size >= atOnce) await Promise.race(underWay);
    if (failures.length > 0 || !goesOn(started)) break;
    // One that is late does not delay the next one, but many make no burst of it.
    next = Math.max(next + interval, clock.now());
    started += 1;
    const one: Promise<void> = work()
      .catch(error => {
        failures.push(error);
      })
      .finally(() => underWay.delete(one));
    underWay.add(one);
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
  return started;
}
