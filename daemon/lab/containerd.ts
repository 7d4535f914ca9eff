/**
 * containerd on a machine of the lab: its files in a directory of its own, the paths that it and ctr have built in covered
 * in a mount namespace of its own. Namespaces of pods are mounted in /run/netns, where all the others are too.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeBusyboxImage } from './busybox.ts';
import { Cri } from './cri.ts';
import type { LabProcess } from './lab-process.ts';
import { deleteNamespace } from './namespaces.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';
import { type Vm, weftCommand } from './vm.ts';
import { waitFor } from './wait-for.ts';

const IMAGE = 'docker.io/library/weft-lab:1';

/** The CRI plugin of containerd needs `loopback` beside the plugin of the network. */
const LOOPBACK = '/usr/lib/cni/loopback';

/** Namespaces of containerd, not of the kernel: of the CRI plugin, and of ctr. */
const CRI_NAMESPACE = 'k8s.io';
const CTR_NAMESPACE = 'default';

/** Paths that containerd, ctr and libcni have built in. */
const CONF_DIRECTORY = '/etc/cni/net.d';
const BIN_DIRECTORY = '/opt/cni/bin';
const STATE_DIRECTORIES = ['/run/containerd', '/var/lib/cni'];
const COVERED = [CONF_DIRECTORY, BIN_DIRECTORY, ...STATE_DIRECTORIES];

export class Containerd {
  readonly cri: Cri;
  private readonly vm: Vm;
  private readonly directory: string;
  private readonly confDirectory: string;
  private readonly binDirectory: string;
  private readonly daemon: LabProcess;
  private readonly missing: readonly string[];
  /** Those that others had made before. */
  private readonly namespaces = podNamespaces();
  /** Of `ctr run`, by the names of their containers: they last as long as these. */
  private readonly runs = new Map<string, LabProcess>();
  private readonly detached = new Set<string>();
  private execs = 0;

  private constructor(vm: Vm) {
    this.vm = vm;
    this.directory = join(vm.directory, 'containerd');
    this.confDirectory = join(this.directory, 'net.d');
    this.binDirectory = join(this.directory, 'bin');
    for (const directory of [this.confDirectory, this.binDirectory])
      mkdirSync(directory, { recursive: true });
    symlinkSync(LOOPBACK, join(this.binDirectory, 'loopback'));
    writeFileSync(this.configPath, this.config());
    this.missing = COVERED.flatMap(missingDirectories);
    for (const path of COVERED) mkdirSync(path, { recursive: true });
    const script = [
      ...COVERED.map(alone),
      ...STATE_DIRECTORIES.map(path => `mount -t tmpfs none ${path}`),
      `mount --bind ${this.binDirectory} ${BIN_DIRECTORY}`,
      `mount --bind ${this.confDirectory} ${CONF_DIRECTORY}`,
      `exec containerd --config ${this.configPath}`,
    ];
    const unshared = ['--mount', '--propagation', 'unchanged', 'sh', '-e', '-c', script.join('\n')];
    this.daemon = vm.spawnWithMounts('unshare', unshared);
    this.cri = new Cri({ socketPath: this.socketPath, image: IMAGE });
  }

  /** Starts it, with an image of busybox. */
  static async create(vm: Vm): Promise<Containerd> {
    const containerd = new Containerd(vm);
    try {
      await containerd.waitForAnswer();
      const image = await makeBusyboxImage(containerd.directory, IMAGE);
      for (const namespace of [CRI_NAMESPACE, CTR_NAMESPACE])
        await containerd.ctr(['-n', namespace, 'images', 'import', image]);
      return containerd;
    } catch (error) {
      await containerd.destroy();
      throw error;
    }
  }

  private async waitForAnswer(): Promise<void> {
    await waitFor(
      async () => !this.daemon.running || (await this.ctr(['version'], { check: false })).code === 0,
      { what: `containerd of ${this.vm.name}`, timeoutMs: 30_000 },
    );
    if (!this.daemon.running) throw new Error(this.daemon.report());
  }

  /** Installs the plugin and the configuration of a network where containerd looks for them, and waits until it has read it. */
  async install(network: string): Promise<void> {
    const command = weftCommand('cni', 'install', '--network', network);
    await runCommand('nsenter', this.enter(command), { env: { WEFT_SOCKET: this.vm.apiSocket } });
    await waitFor(async () => (await this.cri.networkTrouble()) === undefined, {
      what: `containerd of ${this.vm.name} to have a network`,
      timeoutMs: 15_000,
    });
  }

  /** Runs ctr, in the namespaces of containerd. */
  ctr(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand('nsenter', this.ctrCommand(args), options);
  }

  /** `ctr run --cni`: a container that sleeps. Its network is taken away when {@link endRun} ends it, for ctr waits for that. */
  async run(name: string): Promise<void> {
    const command = ['run', '--rm', '--cni', IMAGE, name, '/bin/sleep', '600'];
    const run = this.vm.spawnWithMounts('nsenter', this.ctrCommand(command));
    this.runs.set(name, run);
    await waitFor(async () => !run.running || (await this.ctr(['tasks', 'ls'])).stdout.includes(name), {
      what: `the container ${name}`,
      timeoutMs: 30_000,
    });
    if (!run.running) throw new Error(run.report());
  }

  /** `ctr run --cni --detach`: a container whose network nobody takes away. */
  async runDetached(name: string): Promise<void> {
    this.detached.add(name);
    await this.ctr(['run', '--detach', '--cni', IMAGE, name, '/bin/sleep', '600']);
  }

  async removeDetached(name: string): Promise<void> {
    await this.ctr(['tasks', 'delete', '--force', name]);
    await this.ctr(['containers', 'delete', name]);
    this.detached.delete(name);
  }

  /** Runs a command in a container of {@link run}. */
  exec(name: string, command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.ctr(['tasks', 'exec', '--exec-id', `exec-${this.execs++}`, name, ...command], options);
  }

  /** Kills the container, and waits until ctr has taken its network away. */
  async endRun(name: string): Promise<void> {
    await this.ctr(['tasks', 'kill', '-s', 'SIGKILL', name]);
    await this.runs.get(name)?.ended;
    this.runs.delete(name);
  }

  /** Removes all containers and pods, then containerd itself and what it leaves on the machine. */
  async destroy(): Promise<void> {
    for (const name of [...this.runs.keys()]) await this.endRun(name).catch(() => {});
    for (const name of this.detached) await this.removeDetached(name).catch(() => {});
    await this.cri.destroy();
    await this.daemon.stop('SIGTERM').catch(() => {});
    for (const name of podNamespaces()) if (!this.namespaces.has(name)) await deleteNamespace(name);
    for (const path of this.missing.toReversed()) removeIfEmpty(path);
    // runc removes the groups of containers, and not those of containerd's namespaces around them.
    for (const controller of readdirSync('/sys/fs/cgroup'))
      for (const namespace of [CRI_NAMESPACE, CTR_NAMESPACE])
        removeIfEmpty(join('/sys/fs/cgroup', controller, namespace));
  }

  private ctrCommand(args: readonly string[]): string[] {
    return this.enter(['ctr', '--address', this.socketPath, ...args]);
  }

  /** Arguments of nsenter that run a command in the namespaces of containerd. */
  private enter(command: readonly string[]): string[] {
    return ['--target', String(this.daemon.pid), '--mount', '--net', ...command];
  }

  private get socketPath(): string {
    return join(this.directory, 'containerd.sock');
  }

  private get configPath(): string {
    return join(this.directory, 'config.toml');
  }

  private config(): string {
    return `version = 2
root = "${join(this.directory, 'root')}"
state = "${join(this.directory, 'state')}"
# It would make /opt/containerd.
disabled_plugins = ["io.containerd.internal.v1.opt"]
[debug]
level = "warn"
[grpc]
address = "${this.socketPath}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
# Nobody in here may make himself less likely to be killed.
restrict_oom_score_adj = true
`;
  }
}

/** What is mounted below this path from now on is seen by nobody outside, whatever the machine shares. */
function alone(path: string): string {
  return `mount --make-private "$(findmnt --noheadings --first-only --output TARGET --target ${path})"`;
}

/** Of a path what is not there, from above. */
function missingDirectories(path: string): string[] {
  return existsSync(path) ? [] : [...missingDirectories(dirname(path)), path];
}

/** Names of namespaces that some containerd has made for pods. */
function podNamespaces(): ReadonlySet<string> {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return new Set(names.filter(name => /^cni-[0-9a-f-]{36}$/.test(name)));
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // It is not there, or somebody uses it.
  }
}
