/** What a process holds and has used, as the kernel accounts for it (proc(5)). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Processor time of all its threads, in milliseconds (proc_pid_stat(5): utime and stime in hundredths of a second). */
export function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Numbers of its open descriptors. */
export function openDescriptors(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/fd`).map(Number);
}

/** What they are open on, by kind: a `socket:[4711]` is a socket. */
export function descriptorKinds(pid: number): readonly string[] {
  return openDescriptors(pid)
    .flatMap(fd => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, '')];
      } catch {
        // It was closed meanwhile.
        return [];
      }
    })
    .toSorted();
}

export function threads(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** Bytes of memory that are its own (proc_pid_smaps(5)): pages shared with the program of other daemons are not counted. */
export function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const sizes = [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].map(([, size]) => Number(size));
  return 1024 * sizes.reduce((sum, size) => sum + size, 0);
}
