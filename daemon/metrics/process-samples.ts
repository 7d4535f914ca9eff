/** The daemon as a process, by the names that all client libraries of Prometheus use, and its main thread. */
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Clock } from '../../dataplane/clock.ts';
import type { LoopDelayWindow } from './loop-delay-window.ts';
import { type Sample, sample } from './samples.ts';

export function processSamples(clock: Clock, loopDelay: LoopDelayWindow | undefined): Sample[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const { active, idle } = performance.eventLoopUtilization();
  return [
    sample('process_start_time_seconds', clock.wallTime() / 1000 - process.uptime(), {}),
    sample('process_cpu_seconds_total', (user + system) / 1e6, {}),
    sample('process_resident_memory_bytes', rss, {}),
    // One is that of the directory, while it is read.
    sample('process_open_fds', readdirSync('/proc/self/fd').length - 1, {}),
    sample('process_max_fds', maxDescriptors(readFileSync('/proc/self/limits', 'utf8')), {}),
    sample('weft_heap_used_bytes', heapUsed, {}),
    sample('weft_event_loop_busy_seconds_total', active / 1000, {}),
    sample('weft_event_loop_idle_seconds_total', idle / 1000, {}),
    ...(loopDelay?.report() ?? []).map(([percentile, seconds]) =>
      sample('weft_event_loop_delay_seconds', seconds, { percentile }),
    ),
  ];
}

/** The soft limit in proc_pid_limits(5): "Max open files  SOFT  HARD  files". */
export function maxDescriptors(limits: string): number {
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
