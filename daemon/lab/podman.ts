/** podman on a machine of the lab: its images, containers and networks in a directory of its own, the CNI backend, and runc. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeBusyboxLayer } from './busybox.ts';
import { deleteNamespace } from './namespaces.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';
import type { Vm } from './vm.ts';

const IMAGE = 'weft-lab:1';

/** Plugins that may stand beside ours in a list. */
const REFERENCE_PLUGINS = '/usr/lib/cni';

export class Podman {
  readonly confDirectory: string;
  readonly binDirectory: string;
  private readonly vm: Vm;
  private readonly directory: string;
  /** Those that others had made before. */
  private readonly namespaces = podmanNamespaces();

  private constructor(vm: Vm) {
    this.vm = vm;
    this.directory = join(vm.directory, 'podman');
    this.confDirectory = join(this.directory, 'net.d');
    this.binDirectory = join(this.directory, 'bin');
  }

  /** Sets it up, with an image of busybox. */
  static async create(vm: Vm): Promise<Podman> {
    const podman = new Podman(vm);
    for (const directory of [podman.confDirectory, podman.binDirectory])
      mkdirSync(directory, { recursive: true });
    writeFileSync(podman.configPath, podman.config());
    await podman.import();
    return podman;
  }

  /** Runs podman in the namespace of the machine; its view of /sys stays that of the host (`ip netns exec` would hide the cgroups). */
  run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const roots = ['--root', join(this.directory, 'root'), '--runroot', join(this.directory, 'run')];
    const all = [`--net=/run/netns/${this.vm.netns}`, 'podman', ...roots, '--runtime', 'runc', ...args];
    return runCommand('nsenter', all, {
      ...options,
      env: { CONTAINERS_CONF: this.configPath, ...options.env },
    });
  }

  /** Starts a container of the image that sleeps, and returns its id. */
  async start(name: string, options: readonly string[]): Promise<string> {
    const { stdout } = await this.run(['run', '-d', '--name', name, ...options, IMAGE, '/bin/sleep', '3600']);
    return stdout.trim();
  }

  exec(name: string, command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.run(['exec', name, ...command], options);
  }

  /** Removes all containers, what podman has mounted, and the namespaces that it forgets when a container cannot be attached. */
  async destroy(): Promise<void> {
    await this.run(['rm', '-a', '-f', '-t', '0'], { check: false });
    await this.run(['system', 'reset', '-f'], { check: false });
    for (const name of podmanNamespaces()) if (!this.namespaces.has(name)) await deleteNamespace(name);
  }

  private get configPath(): string {
    return join(this.directory, 'containers.conf');
  }

  private config(): string {
    // Nobody in here may raise a limit; and podman's own default would.
    return `[containers]
default_ulimits = ["nofile=4096:16384", "nproc=4096:4096"]
[engine]
events_logger = "none"
cgroup_manager = "cgroupfs"
[network]
network_backend = "cni"
cni_plugin_dirs = ["${this.binDirectory}", "${REFERENCE_PLUGINS}"]
network_config_dir = "${this.confDirectory}"
`;
  }

  private async import(): Promise<void> {
    const archive = await makeBusyboxLayer(this.directory);
    await this.run(['import', '-q', archive, IMAGE]);
  }
}

/** Names of namespaces that some podman has made. */
function podmanNamespaces(): ReadonlySet<string> {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return new Set(names.filter(name => /^netns-[0-9a-f-]{36}$/.test(name)));
}
