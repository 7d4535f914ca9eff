/** Something that is done again and again. */
import type { Clock, Timer } from '../../dataplane/clock.ts';

/** Calls `round` now and each `periodMs`; returns how it is ended. */
export function startRounds(clock: Clock, periodMs: number, round: () => void): () => void {
  let timer: Timer;
  const next = (): void => {
    timer = clock.after(periodMs, next);
    round();
  };
  next();
  return () => timer.cancel();
}
