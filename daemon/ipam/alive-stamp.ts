/**
 * Until when a daemon was certainly running: a file that is touched every few seconds. Nobody is forgotten who was heard within the last 30 s
 * (control/ipam/limits.ts), so who starts again sooner may use its addresses without asking anybody first.
 */
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FORGET_GRACE } from '../../control/ipam/limits.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';

const INTERVAL = 5000;

/** What a start may take until others hear us again, and clocks that differ. */
const MARGIN = 10_000;

export class AliveStamp {
  private readonly clock: Clock;
  private readonly directory: string;
  private timer: Timer | undefined;

  constructor(modules: { readonly clock: Clock }, options: { readonly stateDirectory: string }) {
    this.clock = modules.clock;
    this.directory = join(options.stateDirectory, 'ipam');
  }

  /** Whether the last life ended so recently that we cannot have been forgotten. Ask before {@link start}. */
  isFresh(): boolean {
    try {
      const age = this.clock.wallTime() - statSync(this.file).mtimeMs;
      return age >= 0 && age < FORGET_GRACE - MARGIN;
    } catch {
      return false;
    }
  }

  /** `isSure`: whether this life uses nothing that might be somebody else's; otherwise the next one must ask. */
  start(isSure: () => boolean): void {
    if (isSure()) this.touch();
    this.timer = this.clock.after(INTERVAL, () => this.start(isSure));
  }

  stop(): void {
    this.timer?.cancel();
  }

  private get file(): string {
    return join(this.directory, 'alive');
  }

  /** It need not survive a crash of the machine: after one, no container is left. What fails makes the next start ask. */
  private touch(): void {
    const now = this.clock.wallTime() / 1000;
    try {
      utimesSync(this.file, now, now);
    } catch {
      try {
        mkdirSync(this.directory, { recursive: true, mode: 0o700 });
        writeFileSync(this.file, '', { mode: 0o600 });
        utimesSync(this.file, now, now);
      } catch {
        // The next one may succeed.
      }
    }
  }
}
