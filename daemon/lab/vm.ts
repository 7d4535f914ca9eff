import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../dataplane/clock.ts';
import { ApiClient } from '../api/client.ts';
import { Container, type PlugOptions } from './container.ts';
import { Host, type HostModules } from './host.ts';
import type { LabProcess, ProcessEnd } from './lab-process.ts';
import type { CommandOptions, CommandResult } from './run-command.ts';
import { IN_UNITS, UnitProcess } from './unit-process.ts';
import { waitFor } from './wait-for.ts';
import { apiSocket, type WeftOptions, weftConfig } from './weft-config.ts';

/** The daemon and its command line are one program. */
const WEFT = fileURLToPath(new URL('../main.js', import.meta.url));

/** A daemon starts in a second; a dozen of them on a busy machine do not. */
const START_TIMEOUT_MS = 60_000;

/** A command line of weft, for tests that start it in a way of their own; the first element is the program. */
export function weftCommand(...args: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, '--enable-source-maps', WEFT, ...args];
}

export interface VmModules extends HostModules {
  /** Makes a namespace of the lab and returns its name for `ip netns`. */
  readonly addNamespace: (name: string) => Promise<string>;
}

/** A virtual machine: a namespace with the wire `eth0`, its containers, and at most one weft daemon. */
export class Vm extends Host {
  /** Underlay addresses without prefix lengths, in the order given. */
  readonly addresses: readonly string[];
  readonly directory: string;
  /** The API of the daemon, for what is asked or done often: a command of the CLI costs a start of Node. */
  readonly api: ApiClient;
  private readonly addNamespace: (name: string) => Promise<string>;
  private weftProcess: LabProcess | undefined;

  constructor(
    modules: VmModules,
    options: { name: string; netns: string; addresses: readonly string[]; directory: string },
  ) {
    super(modules, options);
    this.addNamespace = modules.addNamespace;
    this.addresses = options.addresses.map(address => address.replace(/\/.*/, ''));
    this.directory = options.directory;
    this.api = new ApiClient({ clock: systemClock }, { socketPath: this.apiSocket });
  }

  /** The first underlay address. */
  get underlay(): string {
    const [first] = this.addresses;
    if (first === undefined) throw new Error(`${this.name} has no underlay address`);
    return first;
  }

  /** The running daemon, or the last one. */
  get daemon(): LabProcess {
    if (this.weftProcess === undefined) throw new Error(`${this.name} never ran weft`);
    return this.weftProcess;
  }

  get apiSocket(): string {
    return apiSocket(this.directory);
  }

  /** Adds an empty container: nothing but a loopback. */
  async addContainer(name: string): Promise<Container> {
    const full = `${this.name}-${name}`;
    return new Container({ processes: this.processes }, { name: full, netns: await this.addNamespace(full) });
  }

  /** Adds a bridge with the given ports, all up: where a peer without weft joins its containers. */
  async addBridge(name: string, options: { mtu?: number; ports?: readonly string[] } = {}): Promise<void> {
    const mtu = options.mtu === undefined ? '' : `mtu ${options.mtu} `;
    await this.ip(
      `link add ${name} ${mtu}type bridge mcast_snooping 0`,
      `link set ${name} up`,
      ...(options.ports ?? []).map(port => `link set ${port} master ${name} up`),
    );
  }

  /** Makes a veth into the container, without weft; returns the name of its end on this machine, which is up. */
  async plug(container: Container, options: PlugOptions): Promise<string> {
    const { ifname = 'eth0', mtu } = options;
    const near = `to-${container.name}`;
    const size = mtu === undefined ? '' : `mtu ${mtu} `;
    await this.ip(
      `link add ${near} ${size}type veth peer name ${ifname} ${size}netns ${container.netns}`,
      `link set ${near} up`,
    );
    await container.configure(options);
    return near;
  }

  /** Writes the configuration, starts the daemon and waits until its API answers. */
  async startWeft(options: WeftOptions, env: Readonly<Record<string, string>> = {}): Promise<LabProcess> {
    this.writeConfig(JSON.stringify(weftConfig(this, options), undefined, 2));
    return await this.restartWeft(env);
  }

  /** Starts the daemon with the configuration that is there, and waits until its API answers. */
  async restartWeft(env: Readonly<Record<string, string>> = {}): Promise<LabProcess> {
    if (this.weftProcess?.running === true) throw new Error(`weft runs on ${this.name} already`);
    const started = this.spawnDaemon(this.configPath, env);
    this.weftProcess = started;
    await waitFor(
      async () => {
        if (!started.running) return 'ended';
        // The socket of a daemon that was killed is still there: only an answer tells.
        await this.api.status();
        return 'ready';
      },
      { what: `the API of weft on ${this.name}`, timeoutMs: START_TIMEOUT_MS },
    );
    if (!started.running) throw new Error(`weft on ${this.name} ended at start-up\n${started.report()}`);
    return started;
  }

  /** Starts a daemon and waits for nothing. */
  spawnDaemon(configPath: string, env: Readonly<Record<string, string>> = {}): LabProcess {
    const command = weftCommand('daemon', '--config', configPath);
    if (!IN_UNITS) {
      const [program, ...args] = command;
      return this.spawn(program, args, env);
    }
    const place = { netns: this.netns, directories: [dirname(this.directory)] };
    const started = new UnitProcess(`${this.name}: ${command.join(' ')}`, place, command, env);
    this.processes.push(started);
    return started;
  }

  /** Runs a command of the weft CLI against this machine's daemon. */
  async weft(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [command, ...rest] = weftCommand(...args);
    return await this.exec(command, rest, {
      ...options,
      env: { WEFT_SOCKET: this.apiSocket, ...options.env },
    });
  }

  /** Runs a table command of the weft CLI (`status`, `peers`, `fdb`, ...) and returns its JSON. */
  async weftJson<T>(table: string): Promise<T> {
    const { stdout } = await this.weft([table, '--json']);
    return JSON.parse(stdout) as T;
  }

  /** SIGHUP: its daemon reads its configuration again. */
  hangUp(): void {
    this.daemon.signal('SIGHUP');
  }

  /** SIGKILL: the daemon gets no chance to clean up. */
  async kill9(): Promise<void> {
    await this.daemon.stop('SIGKILL');
  }

  /** SIGTERM: the daemon leaves the pool and ends. */
  async stopWeft(): Promise<ProcessEnd> {
    return await this.daemon.stop('SIGTERM');
  }

  get configPath(): string {
    return join(this.directory, 'weft.yaml');
  }

  writeConfig(text: string, path: string = this.configPath): void {
    writeFileSync(path, text);
  }
}
