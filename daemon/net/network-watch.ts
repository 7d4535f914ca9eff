/**
 * Hears of changes of links, routes and neighbours: `ip monitor`. What it says is not read, it only means that it is time
 * to look again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import type { Log } from '../log.ts';

/** How long after its end, which nobody expects, the monitor is started again. */
const RESTART_MS = 5000;

export interface NetworkWatchModules {
  readonly clock: Clock;
  readonly log: Log;
}

export class NetworkWatch {
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly onChange: () => void;
  private monitor: ChildProcess | undefined;
  private restart: Timer | undefined;
  private isEndTold = false;

  constructor({ clock, log }: NetworkWatchModules, onChange: () => void) {
    this.clock = clock;
    this.log = log;
    this.onChange = onChange;
  }

  start(): void {
    // setpriv (util-linux): the monitor ends with the daemon, also with one that was killed.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'ip', 'monitor', 'link', 'route', 'neigh'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.monitor = child;
    child.stdout.on('data', this.onChange);
    let failure: Error | undefined;
    child.on('error', error => {
      failure = error;
    });
    child.on('close', (code, signal) => {
      if (this.monitor !== child) return;
      this.tellEnd(failure?.message ?? `it ended with ${signal ?? code}`);
      this.restart = this.clock.after(RESTART_MS, () => {
        this.start();
        // What happened meanwhile.
        this.onChange();
      });
    });
  }

  /** Once: what fails every time would fill the log. */
  private tellEnd(reason: string): void {
    if (this.isEndTold) return;
    this.isEndTold = true;
    this.log.warn(
      {
        component: 'dataplane',
        command: 'setpriv ip monitor',
        reason,
        retry_ms: RESTART_MS,
        hint: 'install the packages iproute2 and util-linux',
      },
      'changes of links, routes and neighbours are not heard of: they are looked for at each retry',
    );
  }

  stop(): void {
    this.restart?.cancel();
    const child = this.monitor;
    this.monitor = undefined;
    // Node takes a child that it could not start for process 0 until it has told so: that is our own process group.
    if (child?.pid !== undefined) child.kill();
  }
}
