/** What a daemon is like at one moment, from /proc and from what it tells of itself. */
import { readFileSync } from 'node:fs';
import { metricValue } from '../../daemon/lab/metrics.ts';
import { openDescriptors, threads } from '../../daemon/lab/process-state.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { processCpuSeconds, residentMegabytes } from '../cpu.ts';

export interface DaemonSample {
  readonly node: string;
  readonly rssMb: number;
  /** Of it what is no file: heap, stacks, packet memory. */
  readonly anonymousMb: number;
  /** In use on the JavaScript heap of the main thread. */
  readonly heapMb: number;
  /** Packet memory of all workers. */
  readonly arenaMb: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Of all threads, since the process began. */
  readonly cpuSeconds: number;
  /** Of the last whole minute, or of what there is of the first one. */
  readonly loopDelayP99Ms: number;
  /** Reason → frames, messages or queries since the daemon began. */
  readonly drops: Readonly<Record<string, number>>;
  /** Datagrams that the kernel dropped at its sockets. */
  readonly socketDrops: number;
}

/** A number of /proc/PID/status. */
function statusNumber(status: string, key: string): number {
  const text = new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1];
  if (text === undefined) throw new Error(`/proc/PID/status has no ${key}`);
  return Number(text);
}

export async function sampleDaemon(vm: Vm): Promise<DaemonSample> {
  const { pid } = vm.daemon;
  // Before it is asked: the answers are garbage in its memory.
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const descriptors = openDescriptors(pid).length;
  const cpuSeconds = processCpuSeconds([pid]);
  const metrics = await vm.api.metrics('text');
  const drops: Record<string, number> = {};
  for (const { reason, frames } of await vm.api.drops()) drops[reason] = (drops[reason] ?? 0) + frames;
  return {
    node: vm.name,
    rssMb: residentMegabytes(status),
    anonymousMb: (statusNumber(status, 'RssAnon') * 1024) / 1e6,
    heapMb: metricValue(metrics, 'weft_heap_used_bytes') / 1e6,
    arenaMb: metricValue(metrics, 'weft_dataplane_arena_bytes') / 1e6,
    descriptors,
    threads: threads(pid),
    cpuSeconds,
    loopDelayP99Ms: metricValue(metrics, 'weft_event_loop_delay_seconds', { percentile: '99' }) * 1000,
    drops,
    socketDrops: metricValue(metrics, 'weft_socket_drops_total'),
  };
}
