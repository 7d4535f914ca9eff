/** runc on a machine of the lab: containers that are given their network namespace by its path, as programs of one's own would do. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeBusyboxRoot } from './busybox.ts';
import type { Container } from './container.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';
import type { Vm } from './vm.ts';

/** Of the OCI runtime specification (config.md) what is changed of that which `runc spec` writes. */
interface Spec {
  readonly process: {
    terminal: boolean;
    args: readonly string[];
    rlimits?: unknown;
    readonly capabilities: Record<string, string[]>;
  };
  readonly linux: { namespaces: { type: string; path?: string }[] };
}

export class Runc {
  private readonly vm: Vm;
  private readonly directory: string;
  private readonly started = new Set<string>();

  constructor(vm: Vm) {
    this.vm = vm;
    this.directory = join(vm.directory, 'runc');
  }

  /** Starts a container that sleeps, in the network namespace of `container`. */
  async start(name: string, container: Container): Promise<void> {
    const bundle = join(this.directory, name);
    mkdirSync(bundle, { recursive: true });
    makeBusyboxRoot(join(bundle, 'rootfs'));
    await this.run(['spec', '--bundle', bundle]);
    const path = join(bundle, 'config.json');
    const spec = JSON.parse(readFileSync(path, 'utf8')) as Spec;
    spec.process.terminal = false;
    spec.process.args = ['/bin/sleep', '600'];
    // Nobody in here may raise a limit; and ping needs a raw socket.
    delete spec.process.rlimits;
    for (const set of Object.values(spec.process.capabilities)) set.push('CAP_NET_RAW');
    spec.linux.namespaces = spec.linux.namespaces.map(namespace =>
      namespace.type === 'network' ? { ...namespace, path: container.netnsPath } : namespace,
    );
    writeFileSync(path, JSON.stringify(spec));
    this.started.add(this.idOf(name));
    // What it starts keeps the streams that it has: ours would never end.
    const log = join(bundle, 'log');
    const command = ['--log', log, ...this.root, 'run', '--detach', '--bundle', bundle, this.idOf(name)];
    await runCommand('sh', ['-c', 'exec runc "$@" >/dev/null 2>&1', 'sh', ...command]).catch(error => {
      throw new Error(`runc run: ${readFileSync(log, 'utf8')}`, { cause: error });
    });
  }

  exec(name: string, command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.run(['exec', this.idOf(name), ...command], options);
  }

  async remove(name: string): Promise<void> {
    await this.run(['delete', '--force', this.idOf(name)]);
    this.started.delete(this.idOf(name));
  }

  async destroy(): Promise<void> {
    for (const id of this.started) await this.run(['delete', '--force', id], { check: false });
  }

  private run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand('runc', [...this.root, ...args], options);
  }

  private get root(): string[] {
    return ['--root', join(this.directory, 'state')];
  }

  /** It names its cgroup after it, and there is one tree of these for all machines. */
  private idOf(name: string): string {
    return `${this.vm.netns}-${name}`;
  }
}
