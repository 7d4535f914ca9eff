/**
 * A daemon of a lab under the restrictions of weft.service: a transient unit of the systemd that runs here, in the namespace of its machine. How it is
 * started, stopped and watched stays with the lab.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../package-info.ts';
import { LabProcess, type ProcessEnd } from './lab-process.ts';
import { netnsPath } from './names.ts';

/** WEFT_LAB_UNIT=1: all daemons of the lab run so (run-hardened.ts). */
const { WEFT_LAB_UNIT } = process.env;
export const IN_UNITS = WEFT_LAB_UNIT === '1';

/** Of [Service], what is about life and place, not about what it may do. */
const LIFE =
  /^(Type|NotifyAccess|Exec\w+|RestartKillSignal|KillMode|Restart|RestartSec|WatchdogSec|Timeout\w+|FileDescriptorStoreMax|Environment|\w+Directory(Mode|Preserve)?)=/;

/** The restrictions of a unit file, as `systemd-run -p` takes them. */
export function restrictionsOf(unit: string): string[] {
  const [, service = ''] = /^\[Service\]$([\s\S]*?)^\[/m.exec(unit) ?? [];
  return service.split('\n').filter(line => /^\w+=/.test(line) && !LIFE.test(line));
}

export interface UnitPlace {
  readonly netns: string;
  /** Directories of the lab, which the unit's own /tmp would hide. */
  readonly directories: readonly string[];
}

let count = 0;

export class UnitProcess extends LabProcess {
  private readonly unit: string;
  private main = 0;
  private killedBy: NodeJS.Signals | undefined;

  constructor(
    title: string,
    { netns, directories }: UnitPlace,
    [command, ...args]: readonly [string, ...string[]],
    env: Readonly<Record<string, string>>,
  ) {
    const unit = `weft-lab-${process.pid}-${++count}.service`;
    const properties = [
      ...restrictionsOf(readFileSync(join(packageRoot, 'daemon/systemd/weft.service'), 'utf8')),
      `NetworkNamespacePath=${netnsPath(netns)}`,
      `BindPaths=${directories.join(' ')}`,
      `BindReadOnlyPaths=${packageRoot}`,
    ].flatMap(property => ['-p', property]);
    const variables = Object.entries({ ...env, LC_ALL: 'C' }).flatMap(([key, value]) => [
      '-E',
      `${key}=${value}`,
    ]);
    const options = ['--quiet', '--pipe', '--wait', '--collect', `--unit=${unit}`];
    super(title, 'systemd-run', [...options, ...properties, ...variables, command, ...args]);
    this.unit = unit;
  }

  /** Of the daemon itself; 0 until systemd has started it. */
  override get pid(): number {
    if (this.main === 0 && this.running) this.main = mainPid(this.unit);
    return this.main;
  }

  override signal(signal: NodeJS.Signals): void {
    if (!this.running || this.pid === 0) return;
    if (signal === 'SIGKILL') this.killedBy = signal;
    try {
      process.kill(this.pid, signal);
    } catch {
      // It has ended in this moment.
    }
  }

  /** systemd-run tells no signal that a unit has died of. */
  protected override endOf(end: ProcessEnd): ProcessEnd {
    return this.killedBy === undefined ? end : { code: null, signal: this.killedBy };
  }
}

function mainPid(unit: string): number {
  const args = ['show', unit, '--value', '-p', 'MainPID'];
  return Number(execFileSync('systemctl', args, { encoding: 'utf8' }).trim());
}
