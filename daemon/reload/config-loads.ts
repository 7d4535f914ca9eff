/** How the configuration was loaded last, for the metrics. */
import type { Clock } from '../../dataplane/clock.ts';

export interface ConfigLoadReport {
  /** Whether the last try was taken: the start, a reload or an apply. */
  readonly isSuccessful: boolean;
  /** When the last one was that was taken, in milliseconds since the epoch. */
  readonly takenAt: number;
}

export class ConfigLoads {
  private readonly clock: Pick<Clock, 'wallTime'>;
  private last: ConfigLoadReport;

  /** The configuration of the start has just been loaded. */
  constructor(modules: { readonly clock: Pick<Clock, 'wallTime'> }) {
    this.clock = modules.clock;
    this.last = { isSuccessful: true, takenAt: this.clock.wallTime() };
  }

  taken(): void {
    this.last = { isSuccessful: true, takenAt: this.clock.wallTime() };
  }

  refused(): void {
    this.last = { ...this.last, isSuccessful: false };
  }

  report(): ConfigLoadReport {
    return this.last;
  }
}
