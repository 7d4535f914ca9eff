/** A running daemon under a service manager: ready, then alive and with a line that says how it is, until it stops. */
import type { Clock } from '../../dataplane/clock.ts';
import { startRounds } from './rounds.ts';
import type { ServiceManager } from './service-manager.ts';
import { startWatchdog } from './watchdog.ts';

export interface Health {
  /** Resolves when each thread that carries traffic has answered. */
  prove(): Promise<unknown>;
  /** How things are, in one line for the operator. */
  summary(): string;
}

/** The line follows what it tells of within this time, in milliseconds. */
const STATUS_PERIOD = 2000;

/** Says that the daemon is ready, and goes on from there. Returns what ends it, and says that the stop has begun. */
export function supervise(
  { clock, manager }: { readonly clock: Clock; readonly manager: ServiceManager },
  health: Health,
): () => void {
  let told: string | undefined;
  const tell = (): void => {
    const text = health.summary();
    if (text !== told) manager.status(text);
    told = text;
  };
  const ends = [
    startRounds(clock, STATUS_PERIOD, tell),
    startWatchdog({ clock, manager, prove: () => health.prove() }),
  ];
  manager.ready();
  return () => {
    for (const end of ends) end();
    manager.stopping();
    manager.status('stopping');
  };
}
