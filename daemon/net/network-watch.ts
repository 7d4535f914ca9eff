/**
 * Hears of changes of links, routes and neighbours: `ip monitor`. What it says is not read, it only means that it is time
 * to look again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Timer } from '../../dataplane/clock.ts';

/** How long after its end, which nobody expects, the monitor is started again. */
const RESTART_MS = 5000;

export class NetworkWatch {
  private readonly clock: Clock;
  private readonly onChange: () => void;
  private monitor: ChildProcess | undefined;
  private restart: Timer | undefined;

  constructor({ clock }: { readonly clock: Clock }, onChange: () => void) {
    this.clock = clock;
    this.onChange = onChange;
  }

  start(): void {
    // setpriv (util-linux): the monitor ends with the daemon, also with one that was killed.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'ip', 'monitor', 'link', 'route', 'neigh'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.monitor = child;
    child.stdout.on('data', this.onChange);
    child.on('error', () => {});
    child.on('close', () => {
      if (this.monitor !== child) return;
      this.restart = this.clock.after(RESTART_MS, () => {
        this.start();
        // What happened meanwhile.
        this.onChange();
      });
    });
  }

  stop(): void {
    this.restart?.cancel();
    const child = this.monitor;
    this.monitor = undefined;
    child?.kill();
  }
}
