/** Says when the wall clock of this machine is set: nothing here goes by it, but what people read does, the log first of all. */
import type { Clock } from '../../dataplane/clock.ts';
import type { Log } from '../log.ts';

/** Milliseconds. NTP moves a clock by no more than a few in half a minute; what is more was a step. */
const STEP = 1000;

export class ClockWatch {
  private readonly modules: { readonly clock: Clock; readonly log: Log };
  private offset: number;

  constructor(modules: ClockWatch['modules']) {
    this.modules = modules;
    this.offset = this.current();
  }

  /** To be called now and then. */
  look(): void {
    const before = this.offset;
    this.offset = this.current();
    const step = Math.round(this.offset - before);
    if (Math.abs(step) < STEP) return;
    this.modules.log.warn(
      { component: 'daemon', clock_ms: step },
      'the clock of this machine was set, or it stood still',
    );
  }

  private current(): number {
    const { clock } = this.modules;
    return clock.wallTime() - clock.bootTime();
  }
}
