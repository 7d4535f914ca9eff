/**
 * A machine of a lab with a real systemd as PID 1: systemd-nspawn over a copy-on-write view of this machine's root, in the
 * machine's network namespace. All mounts are in a namespace of their own and end with it; what is killed leaves nothing but two
 * empty cgroups, which the next sweep removes.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cgroupsOf } from './cgroups.ts';
import type { LabProcess } from './lab-process.ts';
import { netnsPath } from './names.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';
import type { Vm } from './vm.ts';
import { waitFor } from './wait-for.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
export const UNITS = join(REPOSITORY, 'daemon/systemd');

/** systemd is up in about a second; on a machine that does other things too, later. */
const BOOT_MS = 30_000;

/** Services of this machine that a machine of the lab has no use for. */
const MASKED = [
  'ssh',
  'cron',
  'systemd-timesyncd',
  'systemd-networkd',
  'console-getty',
  'e2scrub_reap',
  'podman',
  'docker',
  'containerd',
];

/** $1: an empty directory; $2: name; $3: namespace; $4: repository; $5: this Node; $6: the root that it is a view of; $7: true, if weft is to be on it; the rest: cgroup directories. */
const boot = ({ isForTests = false }: SystemdHostOptions): string => `
base=$1 name=$2 netns=$3 repository=$4 node=$5 lower=$6 has_weft=$7; shift 7
for group; do mkdir -p "$group"; echo $$ > "$group/cgroup.procs"; done
mount -t tmpfs -o size=${isForTests ? '4g' : '256m'} weft-lab "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay weft-lab -o "lowerdir=$lower,upperdir=$base/upper,workdir=$base/work" "$base/root"
root=$base/root
rm -rf "$root"/etc/systemd/system/*.wants "$root/etc/machine-id" "$root/usr/sbin/policy-rc.d"
for unit in ${MASKED.join(' ')}; do ln -sf /dev/null "$root/etc/systemd/system/$unit.service"; done
for unit in podman docker; do ln -sf /dev/null "$root/etc/systemd/system/$unit.socket"; done
tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
echo "$name" > "$root/etc/hostname"
printf '[Unit]\\nRequires=basic.target\\nAfter=basic.target\\nAllowIsolate=yes\\n' > "$root/etc/systemd/system/lab.target"
if [ "$has_weft" = true ]; then
printf '#!/bin/sh\\nexec %s %sdist/daemon/main.js "$@"\\n' "$node" "$repository" > "$root/usr/bin/weft"
chmod 755 "$root/usr/bin/weft"
mkdir -p "$root/usr/lib/weft"
ln -sf "$repository"daemon/systemd/native/build/weft-relay "$root/usr/lib/weft/weft-relay"
cp "$repository"daemon/systemd/*.service "$repository"daemon/systemd/*.socket "$root/etc/systemd/system/"
mkdir -p "$root/etc/weft" "$root/etc/systemd/system/weft.service.d"
# A machine, and a unit, with a /tmp of their own would not see a repository in there (nor without --bind-ro).
printf '[Service]\\nBindReadOnlyPaths=%s\\n' "$repository" > "$root/etc/systemd/system/weft.service.d/lab.conf"
fi
SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 exec systemd-nspawn -q --register=no --keep-unit -D "$root" --machine="$name" \\
  --network-namespace-path="$netns" --capability=all --system-call-filter='@keyring bpf' --bind=/dev/net/tun \\
  ${isForTests ? '--bind="$repository"' : '--bind=/run/netns --bind-ro="$repository"'} --console=pipe /lib/systemd/systemd --unit=lab.target
`;

export interface SystemdHostOptions {
  /** Directory of the system that it runs, which stays as it is. @default '/' */
  readonly root?: string;
  /** Whether the weft of this repository is on it. @default true if it is a view of this machine */
  readonly hasWeft?: boolean;
  /** Labs are to be made on it: it has namespaces of its own, room, and may write to the repository. @default false */
  readonly isForTests?: boolean;
}

export class SystemdHost {
  readonly vm: Vm;
  private readonly process: LabProcess;
  private leader = 0;

  private constructor(vm: Vm, process: LabProcess) {
    this.vm = vm;
    this.process = process;
  }

  /** Boots a systemd in the machine's namespace, and waits until it is up. The API of a weft that it runs is that of the machine. */
  static async boot(vm: Vm, options: SystemdHostOptions = {}): Promise<SystemdHost> {
    const { root = '/', hasWeft = root === '/' } = options;
    const base = join(vm.directory, 'systemd');
    mkdirSync(base);
    const shell = ['--mount', '--propagation', 'slave', 'bash', '-e', '-c', boot(options), 'boot'];
    const machine = [vm.name, netnsPath(vm.netns), REPOSITORY, process.execPath, root, String(hasWeft)];
    const args = [base, ...machine, ...cgroupsOf(vm.netns)];
    const started = vm.spawnOutside('unshare', [...shell, ...args]);
    const host = new SystemdHost(vm, started);
    await waitFor(() => host.isUp(), { what: `systemd of ${vm.name} to be up`, timeoutMs: BOOT_MS });
    mkdirSync(dirname(vm.apiSocket), { recursive: true });
    rmSync(vm.apiSocket, { force: true });
    symlinkSync(`/proc/${host.leader}/root/run/weft/api.sock`, vm.apiSocket);
    return host;
  }

  /** Runs a command on the machine, as its root would. */
  exec(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [program, ...words] = this.inside(command, args);
    return runCommand(program, words, options);
  }

  /** What of a program is run on the machine. */
  inside(command: string, args: readonly string[]): readonly [string, ...string[]] {
    const enter = ['-t', String(this.leader), '--mount', '--pid', '--uts', '--ipc', '--net', command];
    return ['nsenter', ...enter, ...args];
  }

  /** Writes a file of the machine. */
  async write(path: string, text: string): Promise<void> {
    await this.exec('sh', ['-c', 'cat > "$1"', 'sh', path], { input: text });
  }

  /** Copies a file of this machine to an absolute path of that one. */
  copyIn(file: string, path: string): void {
    copyFileSync(file, `/proc/${this.leader}/root${path}`);
  }

  /** A property of a unit, as `systemctl show` has it. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.exec('systemctl', ['show', unit, '--value', '-p', name])).stdout.trim();
  }

  /** Whether a unit runs with another main process than this one, by its `ExecMainPID`. */
  async runsAnew(unit: string, former: string): Promise<boolean> {
    // In this order: of the process before, systemd says for a moment yet that it is running.
    return (
      (await this.property(unit, 'ExecMainPID')) !== former &&
      (await this.property(unit, 'SubState')) === 'running'
    );
  }

  /** The pid of the daemon of a unit, as this machine counts: of the main process, or of the child of that if it is our relay. */
  async daemonPid(unit: string): Promise<number> {
    const main = await this.mainPid(unit);
    if (commandName(main) !== 'weft-relay') return main;
    const [daemon] = children(main);
    if (daemon === undefined) throw new Error(`${unit} of ${this.vm.name} runs no daemon`);
    return daemon;
  }

  /** The pid of a unit's main process, as this machine counts. */
  async mainPid(unit: string): Promise<number> {
    const inner = await this.property(unit, 'ExecMainPID');
    const found = descendants(this.leader).find(pid => innerPid(pid) === Number(inner));
    if (found === undefined) throw new Error(`${unit} of ${this.vm.name} has no main process`);
    return found;
  }

  /** What a unit of this machine has logged; of its entries, those with these fields. */
  async journal(unit: string, fields: readonly string[] = []): Promise<string> {
    const args = ['-u', unit, '-o', 'short-precise', '--no-pager', ...fields];
    return (await this.exec('journalctl', args, { check: false })).stdout;
  }

  /** The place in the journal after which all that comes is new. */
  async journalEnd(): Promise<string> {
    const { stdout } = await this.exec('journalctl', ['-n', '0', '--show-cursor', '--no-pager']);
    return /^-- cursor: (.*)$/m.exec(stdout)?.[1] ?? '';
  }

  private async isUp(): Promise<boolean> {
    if (!this.process.running) throw new Error(`systemd of ${this.vm.name} ended:\n${this.process.report()}`);
    const [leader] = children(this.process.pid);
    if (leader === undefined) return false;
    this.leader = leader;
    const { stdout } = await this.exec('systemctl', ['is-system-running'], { check: false });
    return ['running', 'degraded'].includes(stdout.trim());
  }
}

function children(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function descendants(pid: number): number[] {
  return children(pid).flatMap(child => [child, ...descendants(child)]);
}

function commandName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The pid inside the innermost PID namespace (proc(5), NSpid). */
function innerPid(pid: number): number | undefined {
  try {
    const [, pids = ''] = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(pids.trim().split(/\s+/).at(-1));
  } catch {
    return undefined;
  }
}
