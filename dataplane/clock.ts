/**
 * Time is a parameter: everything that waits or measures takes a {@link Clock}, so that tests and the gossip
 * simulator own time. This is the only file that may use setTimeout, Date or performance (the linter holds it).
 */
import { uptime } from 'node:os';

/** A pending callback. `cancel` after it has fired, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /**
   * Monotonic time in milliseconds, fractions included. The origin is arbitrary, only differences mean something, also
   * between threads of one process.
   */
  now(): number;
  /**
   * Milliseconds since the machine started, with the time that it was suspended, to a hundredth of a second: the one to keep on
   * disk, for it goes on where a process ends and nobody can set it. Below an earlier value, the machine has started anew.
   */
  bootTime(): number;
  /**
   * Wall-clock time in milliseconds since the epoch, a day wrong at any moment and right at the next; for logs and names, never for
   * deciding.
   */
  wallTime(): number;
  /** Calls `callback` once, at least `ms` milliseconds from now. */
  after(ms: number, callback: () => void): Timer;
}

/**
 * Added to performance.now(), which counts from the start of its thread, it gives the time since the machine started.
 * Between the two calls the thread may have been interrupted: the largest of a few differences is the truest.
 */
const THREAD_ORIGIN = Math.max(
  ...Array.from({ length: 5 }, () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6 - performance.now();
  }),
);

/** The machine's clock. Its timers keep the process alive, as Node's do. */
export const systemClock: Clock = {
  now: () => THREAD_ORIGIN + performance.now(),
  bootTime: () => uptime() * 1000,
  wallTime: () => Date.now(),
  after(ms, callback) {
    const handle = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves `ms` milliseconds from now. */
export function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise(resolve => {
    clock.after(ms, resolve);
  });
}
