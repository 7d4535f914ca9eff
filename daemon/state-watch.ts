/**
 * Whether the state can be written: said once when it cannot be, and once when it can again. Nothing is kept back for later here; who has
 * something that the disk does not have yet is told when to write it (`rewrite`).
 */
import { rmSync, writeFileSync } from 'node:fs';
import type { Clock, Timer } from '../dataplane/clock.ts';
import { errorFields, type Log } from './log.ts';
import { removeQuietly } from './replace-file.ts';
import { observeStateWrites, type StateWrite } from './state-file.ts';

/** Milliseconds between two looks whether a disk that was full has room again. */
const LOOK_AGAIN = 2000;

/** Something that may be behind on the disk. */
export interface KeptState {
  /** Writes what could not be written before; nothing if all was. Does not throw. */
  rewrite(): void;
}

export interface StateReport {
  /** All of it is on the disk, or can be. */
  readonly writable: boolean;
  /** What could not be written since the last time that it could, and why: paths of files in order. */
  readonly refused: readonly { readonly file: string; readonly reason: string }[];
  /** Writes that failed since the daemon has started. */
  readonly failures: number;
}

export class StateWatch {
  private readonly modules: { readonly clock: Clock; readonly log: Log };
  private readonly kept: () => readonly KeptState[];
  private readonly refused = new Map<string, { readonly reason: string; readonly bytes: number }>();
  private readonly release: () => void;
  private failures = 0;
  private timer: Timer | undefined;

  /** Sees all writes of this process until `stop`. `kept`: who is told when there is room again. */
  constructor(
    modules: { readonly clock: Clock; readonly log: Log },
    options: { readonly kept: () => readonly KeptState[] },
  ) {
    this.modules = modules;
    this.kept = options.kept;
    this.release = observeStateWrites(write => this.see(write));
  }

  report(): StateReport {
    const refused = [...this.refused].map(([file, { reason }]) => ({ file, reason }));
    const sorted = refused.toSorted((a, b) => (a.file < b.file ? -1 : 1));
    return { writable: refused.length === 0, refused: sorted, failures: this.failures };
  }

  stop(): void {
    this.release();
    this.timer?.cancel();
  }

  private see({ file, bytes, error }: StateWrite): void {
    if (error === undefined) {
      if (this.refused.delete(file) && this.refused.size === 0) this.recovered();
      return;
    }
    this.failures++;
    if (this.refused.size === 0) {
      this.modules.log.error(
        { component: 'daemon', path: file, ...errorFields(error) },
        'the state cannot be written',
      );
    }
    this.refused.set(file, { reason: error.message, bytes });
    this.timer ??= this.modules.clock.after(LOOK_AGAIN, () => this.look());
  }

  /** As much as was refused is written beside each file, for some refusals leave nothing that has to be written again. */
  private look(): void {
    this.timer = undefined;
    const stillRefused = [...this.refused].some(([file, { bytes }]) => !canWrite(file, bytes));
    if (stillRefused) this.timer = this.modules.clock.after(LOOK_AGAIN, () => this.look());
    else this.recovered();
  }

  private recovered(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.refused.clear();
    this.modules.log.info({ component: 'daemon' }, 'the state can be written again');
    for (const one of this.kept()) one.rewrite();
  }
}

function canWrite(file: string, bytes: number): boolean {
  const trial = `${file}.trial`;
  try {
    writeFileSync(trial, Buffer.alloc(bytes, ' '), { mode: 0o600 });
    rmSync(trial);
    return true;
  } catch {
    removeQuietly(trial);
    return false;
  }
}
