/** What processors did, from /proc: see proc(5). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc/stat: USER_HZ, 100 on every architecture that Node runs on. */
const USER_HZ = 100;

/**
 * Seconds that all processors of this machine have worked since it started, softirq included; idle, waiting and what the
 * hypervisor took are not work. Given the text of /proc/stat.
 */
export function busySeconds(stat: string): number {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1];
  if (line === undefined) throw new Error('/proc/stat has no line "cpu"');
  const [user, nice, system, , , irq, softirq] = line.split(' ').map(Number);
  const ticks = [user, nice, system, irq, softirq].reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return ticks / USER_HZ;
}

export function boxCpuSeconds(): number {
  return busySeconds(readFileSync('/proc/stat', 'utf8'));
}

/** Seconds on a processor of all threads of these processes, to the nanosecond; of those that ended, none. */
export function processCpuSeconds(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      // "time on the processor, time waiting for it, number of turns": Documentation/scheduler/sched-stats.rst
      const [onCpu] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      nanoseconds += Number(onCpu);
    }
  }
  return nanoseconds / 1e9;
}

/** Resident memory in MB (10^6 bytes), given the text of /proc/PID/status. */
export function residentMegabytes(status: string): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error('the process has no resident memory');
  return (Number(kibibytes) * 1024) / 1e6;
}

export function processMegabytes(pid: number): number {
  return residentMegabytes(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
