/** A soak in which nothing happens, for tests to change. */
import type { DaemonSample } from '../daemon-sample.ts';
import { warmUpWindows } from '../judge.ts';
import type { Soak, Window } from '../samples.ts';

export function daemonOf(change: Partial<DaemonSample> = {}): DaemonSample {
  return {
    node: 'a',
    rssMb: 100,
    anonymousMb: 60,
    heapMb: 30,
    arenaMb: 4,
    descriptors: 60,
    threads: 12,
    cpuSeconds: 1,
    loopDelayP99Ms: 10,
    drops: {},
    socketDrops: 0,
    ...change,
  };
}

export function windowOf(change: Partial<Window> = {}): Window {
  return {
    second: 10,
    deliveredMbit: 1000,
    pingLoss: 0,
    pingP50Ms: 0.2,
    pingP99Ms: 2,
    udpLoss: 0,
    requestP50Us: 100,
    requestP99Us: 900,
    connectionsPerSecond: 2000,
    busyShare: 0.5,
    daemons: [daemonOf()],
    ...change,
  };
}

export function soakOf(change: Partial<Soak> = {}): Soak {
  const windows = Array.from({ length: 10 }, (_, i) => windowOf({ second: 10 * (i + 1) }));
  const rest = { node: 'a', descriptors: 60, threads: 12, links: 5, endpoints: 2 };
  const capacity = { weft: [2000, 2100], kernel: [4000, 4100] };
  return {
    about: {
      date: '2026-11-29',
      commit: 'abc',
      processor: 'x',
      processors: 2,
      memoryGb: 8,
      kernel: '6',
      node: 'v20',
      loadBefore: 0,
      attach: 'bridge',
      seconds: 100,
      windowSeconds: 10,
      offeredMbit: 1000,
      warmUpWindows: warmUpWindows(windows.length),
    },
    capacity: { before: capacity, after: capacity },
    rest: { before: [rest], after: [rest] },
    windows,
    done: { moves: 20 },
    mishaps: [],
    ...change,
  };
}
