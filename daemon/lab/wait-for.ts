import { type Clock, delay, systemClock } from '../../dataplane/clock.ts';

export interface WaitOptions {
  /** What is awaited, as it reads after "timed out waiting for". */
  readonly what: string;
  /** @default 10,000 */
  readonly timeoutMs?: number;
  /** Pause between two looks. @default 50 */
  readonly intervalMs?: number;
  /** @default the machine's clock */
  readonly clock?: Clock;
}

/**
 * Asks `condition` until it gives something other than undefined, null or false, and returns that. An exception counts
 * as "not yet"; the last one is told when the time is over. Tests await conditions with this instead of sleeping.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, undefined | null | false>> {
  const { what, timeoutMs = 10_000, intervalMs = 50, clock = systemClock } = options;
  const start = clock.now();
  for (;;) {
    let last: string;
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) {
        return value as Exclude<T, undefined | null | false>;
      }
      last = `it was ${String(value)}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (clock.now() - start >= timeoutMs) {
      throw new Error(`timed out waiting for ${what}: not within ${timeoutMs} ms; last: ${last}`);
    }
    await delay(clock, intervalMs);
  }
}
