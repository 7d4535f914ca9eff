/**
 * Feeds the watchdog of the service manager (systemd.service(5), WatchdogSec=) while everything makes progress, and only then. A proof
 * that does not come back, because a thread hangs, is not followed by another one; the manager ends the process and starts it anew.
 */
import type { Clock } from '../../dataplane/clock.ts';
import { startRounds } from './rounds.ts';
import type { ServiceManager } from './service-manager.ts';

/** Half of the time would do (sd_watchdog_enabled(3)); a proof that is late by a busy moment shall not end the daemon. */
const PROOFS_PER_PERIOD = 4;

export interface WatchdogModules {
  readonly clock: Clock;
  readonly manager: Pick<ServiceManager, 'alive' | 'watchdogMs'>;
  /** Resolves once each thread of the daemon has answered. Its rejection is no proof. */
  readonly prove: () => Promise<unknown>;
}

/** Begins at once; returns how it is ended. Does nothing where nobody asks for proofs. */
export function startWatchdog({ clock, manager, prove }: WatchdogModules): () => void {
  const { watchdogMs } = manager;
  if (watchdogMs === undefined) return () => {};
  let isProving = false;
  const round = (): void => {
    if (isProving) return;
    isProving = true;
    prove()
      .then(() => manager.alive())
      .catch(() => {})
      .finally(() => {
        isProving = false;
      });
  };
  return startRounds(clock, watchdogMs / PROOFS_PER_PERIOD, round);
}
