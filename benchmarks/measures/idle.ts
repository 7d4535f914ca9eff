/** What daemons cost while nothing is sent. All subjects stand side by side, so one wait measures all of them. */
import { type Clock, delay } from '../../dataplane/clock.ts';
import { processCpuSeconds, processMegabytes } from '../cpu.ts';
import type { Path } from '../subjects/subject.ts';
import type { Metric, Sample } from './measure.ts';

export const IDLE_METRICS: readonly Metric[] = [
  { id: 'idle-cpu', title: 'Idle daemon: CPU', unit: '% of a core', better: 'less' },
  { id: 'idle-rss', title: 'Idle daemon: resident memory after the rounds', unit: 'MB', better: 'less' },
];

/** One sample for each path, of the more expensive of its daemons; empty where the kernel does the work. */
export async function measureIdle(paths: readonly Path[], seconds: number, clock: Clock): Promise<Sample[]> {
  const pids = paths.map(({ daemons }) => daemons.map(({ pid }) => pid));
  const start = clock.now();
  const before = pids.map(own => own.map(pid => processCpuSeconds([pid])));
  await delay(clock, seconds * 1000);
  return pids.map((own, path): Sample => {
    if (own.length === 0) return {};
    const elapsed = (clock.now() - start) / 1000;
    const shares = own.map((pid, i) => (processCpuSeconds([pid]) - (before[path]?.[i] ?? 0)) / elapsed);
    return { 'idle-cpu': Math.max(...shares) * 100, 'idle-rss': Math.max(...own.map(processMegabytes)) };
  });
}
