/** --watch: the same again every second until interrupted. */
import type { Clock } from '../../dataplane/clock.ts';

/** Calls `show` at once and then `everyMs` after each has ended. Returns when `signal` aborts; throws what `show` does. */
export async function follow(
  clock: Clock,
  everyMs: number,
  signal: AbortSignal,
  show: () => Promise<void>,
): Promise<void> {
  const aborted = new Promise<void>(resolve => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  while (!signal.aborted) {
    // A daemon that hangs must not keep the operator from leaving.
    await Promise.race([show(), aborted]);
    if (signal.aborted) return;
    await pause(clock, everyMs, aborted);
  }
}

async function pause(clock: Clock, ms: number, aborted: Promise<void>): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = clock.after(ms, resolve);
    void aborted.then(() => {
      timer.cancel();
      resolve();
    });
  });
}
