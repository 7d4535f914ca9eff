/**
 * Docker on a machine of the lab: a dockerd with directories of its own, in a mount namespace of its own, since it looks for plugins in
 * /run/docker/plugins alone. The weft of the machine has to be in the same: call {@link Docker.create} before it is started.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeBusyboxLayer } from './busybox.ts';
import type { LabProcess } from './lab-process.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';
import type { Vm } from './vm.ts';
import { waitFor } from './wait-for.ts';

export const DOCKER_IMAGE = 'weft-lab:1';

/** Where dockerd looks for the plugin `weft`. */
export const PLUGIN_SOCKET = '/run/docker/plugins/weft.sock';

/** As Debian's docker.service has it: a containerd that outlives dockerd. */
const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const CONTAINERD_CONFIG = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n';

/** Both are Debian's: of the client there may be a newer one in the path. */
const DOCKER = '/usr/bin/docker';
const COMPOSE = '/usr/bin/docker-compose';

/** Until the namespace is ready. What is mounted below /run/docker, as the namespaces of containers, weft sees too. */
const MOUNTS = `mkdir -p /run/docker /run/containerd /etc/docker
for directory in /run/docker /run/containerd /etc/docker; do mount -t tmpfs none $directory; done
mount --make-shared /run/docker
mkdir /run/docker/plugins
echo ready
exec sleep infinity`;

export class Docker {
  private readonly vm: Vm;
  private readonly directory: string;
  private daemon: LabProcess | undefined;

  private constructor(vm: Vm) {
    this.vm = vm;
    this.directory = join(vm.directory, 'docker');
  }

  /** Sets up the mount namespace of the machine and a containerd; no dockerd runs yet. */
  static async create(vm: Vm): Promise<Docker> {
    const docker = new Docker(vm);
    mkdirSync(docker.directory);
    const unshared = ['-m', '--propagation', 'slave', 'sh', '-e', '-c', MOUNTS];
    const holder = vm.spawnWithCgroups('unshare', unshared);
    await holder.waitForOutput('ready');
    vm.mountNamespace = `/proc/${holder.pid}/ns/mnt`;
    const config = join(docker.directory, 'containerd.toml');
    writeFileSync(config, CONTAINERD_CONFIG);
    const places = ['--root', join(docker.directory, 'containerd'), '--state', '/run/containerd'];
    vm.spawnWithCgroups('containerd', ['-c', config, '-a', CONTAINERD_SOCKET, '-l', 'error', ...places]);
    return docker;
  }

  /** Starts dockerd, and waits until it answers; the first time it gets its image. */
  async start(options: readonly string[] = []): Promise<void> {
    const isFirst = this.daemon === undefined;
    const roots = ['--data-root', join(this.directory, 'data'), '--exec-root', '/run/docker'];
    const files = ['-H', this.address, '-p', join(this.directory, 'dockerd.pid')];
    const rest = [
      '--containerd',
      CONTAINERD_SOCKET,
      '-l',
      'warn',
      '--bridge',
      'none',
      '--cgroup-parent',
      this.cgroup,
      ...options,
    ];
    this.daemon = this.vm.spawnWithCgroups('dockerd', [...roots, ...files, ...rest]);
    const { daemon } = this;
    await waitFor(async () => !daemon.running || (await this.run(['info'], { check: false })).code === 0, {
      what: `dockerd on ${this.vm.name}`,
      timeoutMs: 60_000,
    });
    if (!daemon.running) throw new Error(`dockerd ended\n${daemon.report()}`);
    if (isFirst) await this.run(['import', await makeBusyboxLayer(this.directory), DOCKER_IMAGE]);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.daemon?.stop(signal, 30_000);
  }

  /** The client, in the namespaces of the lab: only the daemon is on the machine. */
  run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand(DOCKER, ['-H', this.address, ...args], options);
  }

  compose(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand(COMPOSE, ['-H', this.address, ...args], options);
  }

  /** Starts a container of the image that sleeps, and returns its id. */
  async container(name: string, options: readonly string[]): Promise<string> {
    const command = ['/bin/sleep', '3600'];
    const { stdout } = await this.run(['run', '-d', '--name', name, ...options, DOCKER_IMAGE, ...command]);
    return stdout.trim();
  }

  exec(name: string, command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.run(['exec', name, ...command], options);
  }

  /** Removes all containers, and ends dockerd; everything else goes with the lab. */
  async destroy(): Promise<void> {
    const ids = this.daemon?.running === true ? await this.ids() : [];
    if (ids.length > 0) await this.run(['rm', '-f', ...ids], { check: false });
    await this.stop();
    // Of a dockerd that could not do it: containers are in namespaces of their own, where the lab does not look.
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL');
    for (const controller of readdirSync('/sys/fs/cgroup')) this.removeCgroup(controller);
  }

  /** Those of containers dockerd has removed, and left what they were in. */
  private removeCgroup(controller: string): void {
    try {
      rmdirSync(join('/sys/fs/cgroup', controller, this.cgroup));
    } catch {
      // It was never made for this controller, or somebody in it is still ending.
    }
  }

  private async ids(): Promise<readonly string[]> {
    const { stdout } = await this.run(['ps', '-aq'], { check: false });
    return stdout.split('\n').filter(id => id !== '');
  }

  /** What runs below the cgroup of this machine. */
  private processes(): readonly number[] {
    const root = join('/sys/fs/cgroup/pids', this.cgroup);
    const directories = existsSync(root) ? readdirSync(root, { withFileTypes: true }) : [];
    return directories
      .filter(entry => entry.isDirectory())
      .flatMap(({ name }) => readFileSync(join(root, name, 'cgroup.procs'), 'utf8').split('\n'))
      .filter(pid => pid !== '')
      .map(Number);
  }

  private get cgroup(): string {
    return `/docker-${this.vm.netns}`;
  }

  private get address(): string {
    return `unix://${join(this.directory, 'docker.sock')}`;
  }
}
