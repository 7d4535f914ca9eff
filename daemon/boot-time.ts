/**
 * Moments that the next process can measure from: which start of the machine they are of, and how long after it. The wall clock may have
 * been set in between, by a day and more.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../dataplane/clock.ts';

/** A UUID that the kernel draws when it starts (proc_sys_kernel(5)). */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export interface BootStamp {
  readonly boot: string;
  /** {@link Clock.bootTime}. */
  readonly at: number;
}

export function readBootId(): string {
  return readFileSync(BOOT_ID, 'utf8').trim();
}

export class BootTime {
  private readonly clock: Pick<Clock, 'bootTime'>;
  private readonly bootId: string;

  constructor(modules: { readonly clock: Pick<Clock, 'bootTime'> }, { bootId = readBootId() } = {}) {
    this.clock = modules.clock;
    this.bootId = bootId;
  }

  stamp(): BootStamp {
    return { boot: this.bootId, at: this.clock.bootTime() };
  }

  /** In milliseconds; infinity for a stamp of another start of the machine. */
  age({ boot, at }: BootStamp): number {
    const age = this.clock.bootTime() - at;
    return boot === this.bootId && age >= 0 ? age : Number.POSITIVE_INFINITY;
  }
}
