import { fileURLToPath } from 'node:url';
import { LabProcess } from './lab-process.ts';
import { netnsPath } from './names.ts';
import { type CommandOptions, type CommandResult, runCommand } from './run-command.ts';

export interface HostModules {
  /** Everything that is started joins this list, so that the lab can end it and show what it said. */
  readonly processes: LabProcess[];
}

/** The parts of `ip -json -details link` that labs use. */
export interface LinkReport {
  readonly ifname: string;
  readonly ifindex: number;
  readonly mtu: number;
  /** The most segments of a super-frame that is sent on it. */
  readonly gso_max_segs: number;
  readonly address: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly ifalias?: string;
  readonly linkinfo?: { readonly info_kind?: string };
}

/** One network namespace that stands for a machine or a container, and what can be done inside it. */
export class Host {
  /** The name inside the lab, as in `a` or `a-c1`. */
  readonly name: string;
  /** The name for `ip netns`. */
  readonly netns: string;
  /** The mount namespace of what runs inside, by the path of its file. @default that of the lab */
  mountNamespace: string | undefined;
  protected readonly processes: LabProcess[];

  constructor(modules: HostModules, options: { name: string; netns: string }) {
    this.processes = modules.processes;
    this.name = options.name;
    this.netns = options.netns;
  }

  get netnsPath(): string {
    return netnsPath(this.netns);
  }

  /** Runs a command inside to its end. */
  exec(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [program, ...words] = this.inside(command, args);
    return runCommand(program, words, options);
  }

  /** Starts a long-running command inside. Its pid is the command's own: `ip netns exec` does not fork. */
  spawn(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): LabProcess {
    const title = `${this.name}: ${[command, ...args].join(' ')}`;
    const [program, ...words] = this.inside(command, args);
    const process = new LabProcess(title, program, words, env);
    this.processes.push(process);
    return process;
  }

  /** What of a program is run inside: none of the words forks. */
  private inside(command: string, args: readonly string[]): readonly [string, ...string[]] {
    const words = ['netns', 'exec', this.netns, command, ...args];
    if (this.mountNamespace === undefined) return ['ip', ...words];
    return ['nsenter', `--mount=${this.mountNamespace}`, 'ip', ...words];
  }

  /** As {@link spawn}, with /sys as the machine of the lab has it: `ip netns exec` would hide the cgroups. */
  spawnWithCgroups(command: string, args: readonly string[]): LabProcess {
    const title = `${this.name}: ${[command, ...args].join(' ')}`;
    const mount = this.mountNamespace === undefined ? [] : [`--mount=${this.mountNamespace}`];
    const process = new LabProcess(title, 'nsenter', [`--net=${this.netnsPath}`, ...mount, command, ...args]);
    this.processes.push(process);
    return process;
  }

  /** Starts a long-running command that enters the namespace by itself. */
  spawnOutside(command: string, args: readonly string[]): LabProcess {
    const process = new LabProcess(`${this.name}: ${command}`, command, args);
    this.processes.push(process);
    return process;
  }

  /** As {@link spawn}, but with the mounts of this machine: `ip netns exec` hides the cgroups, which container runtimes need. */
  spawnWithMounts(command: string, args: readonly string[]): LabProcess {
    const title = `${this.name}: ${[command, ...args].join(' ')}`;
    const process = new LabProcess(title, 'nsenter', [`--net=${this.netnsPath}`, command, ...args]);
    this.processes.push(process);
    return process;
  }

  /** Runs one of the lab's Node programs (`tools/NAME.ts`) inside, to its end; what it prints is JSON. */
  async tool<T>(name: string, args: readonly (string | number)[], options: CommandOptions = {}): Promise<T> {
    const { stdout } = await this.exec(process.execPath, [toolPath(name), ...args.map(String)], options);
    return JSON.parse(stdout) as T;
  }

  /** Starts one of the lab's Node programs inside, and waits until it says that it is ready. */
  async startTool(name: string, args: readonly (string | number)[]): Promise<LabProcess> {
    const started = this.spawn(process.execPath, [toolPath(name), ...args.map(String)]);
    await started.waitForOutput('"ready"');
    return started;
  }

  /** Runs `ip` commands inside, in one batch: all or an error; what was done before the error stays. */
  async ip(...commands: readonly string[]): Promise<void> {
    await runCommand('ip', ['-n', this.netns, '-batch', '-'], { input: `${commands.join('\n')}\n` });
  }

  async ipJson<T>(...args: readonly string[]): Promise<T> {
    const { stdout } = await runCommand('ip', ['-n', this.netns, '-json', '-details', ...args]);
    // Where there is nothing to list, ip prints nothing at all.
    return JSON.parse(stdout.trim() === '' ? '[]' : stdout) as T;
  }

  async links(): Promise<readonly LinkReport[]> {
    return await this.ipJson<LinkReport[]>('link', 'show');
  }

  /** One link; throws when it is not there. */
  async link(ifname: string): Promise<LinkReport> {
    const link = (await this.links()).find(candidate => candidate.ifname === ifname);
    if (link === undefined) throw new Error(`${this.name} has no interface ${ifname}`);
    return link;
  }

  /** Writes settings under /proc/sys, each given as in `net.ipv4.ip_forward` with its value. */
  async sysctl(settings: Readonly<Record<string, number>>): Promise<void> {
    const script = Object.entries(settings)
      .map(([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll('.', '/')}`)
      .join('\n');
    await this.exec('sh', ['-e', '-c', script]);
  }

  async ethtool(ifname: string, ...features: readonly string[]): Promise<void> {
    await this.exec('ethtool', ['-K', ifname, ...features]);
  }
}

function toolPath(name: string): string {
  return fileURLToPath(new URL(`./tools/${name}.js`, import.meta.url));
}
