/**
 * Until when a daemon was certainly running: a file that is written every few seconds. Nobody is forgotten who was heard within the last 30 s
 * (control/ipam/limits.ts), so who starts again sooner may use its addresses without asking anybody first.
 */
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FORGET_GRACE } from '../../control/ipam/limits.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { BootTime } from '../boot-time.ts';

const INTERVAL = 5000;

/** What a start may take until others hear us again. */
const MARGIN = 10_000;

/** Digits of the milliseconds: as many for every stamp, so that one takes the place of the last on a disk that is full. */
const DIGITS = 15;

export class AliveStamp {
  private readonly clock: Clock;
  private readonly time: BootTime;
  private readonly directory: string;
  private timer: Timer | undefined;

  constructor(modules: { readonly clock: Clock }, options: { readonly stateDirectory: string }) {
    this.clock = modules.clock;
    this.time = new BootTime(modules);
    this.directory = join(options.stateDirectory, 'ipam');
  }

  /** Whether the last life ended so recently that we cannot have been forgotten. Ask before {@link start}. */
  isFresh(): boolean {
    try {
      const [boot = '', at = ''] = readFileSync(this.file, 'utf8').trim().split(' ');
      // The weft before wrote nothing in it: an upgrade from there must not cut containers off until others have confirmed their addresses.
      const age =
        boot === ''
          ? this.clock.wallTime() - statSync(this.file).mtimeMs
          : this.time.age({ boot, at: at.length === DIGITS ? Number(at) : Number.NaN });
      return age >= 0 && age < FORGET_GRACE - MARGIN;
    } catch {
      return false;
    }
  }

  /** `isSure`: whether this life uses nothing that might be somebody else's; otherwise the next one must ask. */
  start(isSure: () => boolean): void {
    if (isSure()) this.write();
    this.timer = this.clock.after(INTERVAL, () => this.start(isSure));
  }

  stop(): void {
    this.timer?.cancel();
  }

  private get file(): string {
    return join(this.directory, 'alive');
  }

  /** It need not survive a crash of the machine: after one, no container is left. What fails makes the next start ask. */
  private write(): void {
    const { boot, at } = this.time.stamp();
    // What is a moment old must not seem to be of the future.
    const text = `${boot} ${Math.floor(at).toString().padStart(DIGITS, '0')}\n`;
    try {
      const fd = openSync(this.file, 'r+');
      try {
        writeSync(fd, text, 0);
      } finally {
        closeSync(fd);
      }
    } catch {
      try {
        mkdirSync(this.directory, { recursive: true, mode: 0o700 });
        writeFileSync(this.file, text, { mode: 0o600 });
      } catch {
        // The next one may succeed.
      }
    }
  }
}
