/**
 * A lab: virtual machines, wires and containers, all network namespaces of this machine.
 *
 *                      netns weft-PID-LAB-switch
 *                     ┌───────────────────────────┐
 *                     │      bridge "switch"      │         one segment: the underlay
 *                     │  port-a  port-b  port-c   │
 *                     └────┬───────┬───────┬──────┘
 *                          │ veth  │       │                "wires"
 *                ┌─────────┴─┐ ┌───┴───────┐ ...
 *                │ eth0  VM a│ │ eth0  VM b│                netns weft-PID-LAB-a, -b
 *                └───────────┘ └───────────┘
 *                  containers: netns weft-PID-LAB-a-c1, ... (joined to nothing until something attaches them)
 *
 * `destroy` removes everything; so do the end of this process, SIGINT and SIGTERM. What a process leaves that was
 * killed with -9, `Lab.sweep` of a later one removes.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeCgroups } from './cgroups.ts';
import { Host } from './host.ts';
import type { LabProcess } from './lab-process.ts';
import { checkNamePart, labDirectory, labPrefix } from './names.ts';
import { makeNamespace, makeNamespaces, removeNamespaces, removeOrphans } from './namespaces.ts';
import { requireRoot } from './require-root.ts';
import { Vm } from './vm.ts';

/**
 * What a veth stands for. `wire-like`: a cable between two machines, on which every segment and checksum is real (no
 * checksum or segmentation offload, GRO on as a network card has it). `veth`: two virtual machines of one box, where the
 * kernel hands over whole super-frames with partial checksums.
 */
export type Wire = 'wire-like' | 'veth';

export interface LabOptions {
  /** Unique within this process: it is part of the names of everything the lab makes. */
  readonly name: string;
  /** @default 'wire-like' */
  readonly wire?: Wire;
  /** MTU of the underlay. @default 1500 */
  readonly mtu?: number;
  /** Line rate of each machine's network card, in Mbit/s of Ethernet frames. @default as fast as the kernel goes */
  readonly rateMbit?: number;
}

export interface VmOptions {
  /** Underlay addresses with their prefix lengths, as in 192.0.2.1/24 or 2001:db8::1/64. */
  readonly underlay: string | readonly string[];
}

const SWITCH = 'switch';
/** The other half of a switch that was split. */
const FAR_SWITCH = 'far-switch';
/**
 * The queue of a shaped card: the 1000 full frames (txqueuelen) that a real one has, as bytes, and a burst that covers a
 * timer that fires late (256 KiB are 2 ms of 1 Gbit/s). Super-frames enter the queue whole, counted with the headers of all their
 * segments (qdisc_pkt_len_init in net/core/dev.c), and are cut when they leave it: so does a card that has TSO.
 */
const CARD_QUEUE_FRAMES = 1000;
const CARD_BURST = 256 * 1024;
const WIRE_LIKE = ['tx', 'off', 'gso', 'off', 'tso', 'off', 'gro', 'on'];

const live = new Set<Lab>();
let watching = false;

export class Lab {
  readonly name: string;
  readonly wire: Wire;
  readonly mtu: number;
  private readonly rateMbit: number | undefined;
  /** For configurations, state and sockets; goes with the lab. */
  readonly directory: string;
  private readonly prefix: string;
  private readonly processes: LabProcess[] = [];
  private readonly namespaces: string[] = [];
  private readonly vms = new Map<string, Vm>();
  private readonly switchHost: Host;
  /** The machines on the other side, while the underlay is split. */
  private farSide: readonly Vm[] | undefined;

  private constructor(options: LabOptions) {
    checkNamePart(options.name);
    this.name = options.name;
    this.wire = options.wire ?? 'wire-like';
    this.mtu = options.mtu ?? 1500;
    this.rateMbit = options.rateMbit;
    this.prefix = labPrefix(process.pid, options.name);
    this.directory = labDirectory(process.pid, options.name);
    this.switchHost = new Host(
      { processes: this.processes },
      { name: SWITCH, netns: this.netnsName(SWITCH) },
    );
  }

  static async create(options: LabOptions): Promise<Lab> {
    requireRoot();
    const lab = new Lab(options);
    if ([...live].some(other => other.name === lab.name))
      throw new Error(`there is a lab "${lab.name}" already`);
    watchForEnd();
    live.add(lab);
    try {
      mkdirSync(lab.directory, { mode: 0o755 });
      await lab.addNamespace(SWITCH);
      await lab.switchHost.ip(...bridge(SWITCH, lab.mtu));
      return lab;
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  }

  /** Removes what labs of processes that are no more have left behind; returns the names of it. */
  static sweep(): string[] {
    requireRoot();
    return removeOrphans();
  }

  /** Adds a machine that is wired to the switch by its `eth0`. */
  async addVm(name: string, options: VmOptions): Promise<Vm> {
    const netns = await this.addNamespace(name);
    const port = `port-${name}`;
    const addresses = typeof options.underlay === 'string' ? [options.underlay] : options.underlay;
    const vm = new Vm(
      {
        processes: this.processes,
        addNamespace: container => this.addNamespace(container),
      },
      { name, netns, addresses, directory: join(this.directory, name) },
    );
    mkdirSync(vm.directory);
    this.vms.set(name, vm);
    await this.switchHost.ip(
      `link add ${port} mtu ${this.mtu} type veth peer name eth0 mtu ${this.mtu} netns ${netns}`,
      `link set ${port} master ${SWITCH} up`,
    );
    if (this.wire === 'wire-like') {
      await Promise.all([this.switchHost.ethtool(port, ...WIRE_LIKE), vm.ethtool('eth0', ...WIRE_LIKE)]);
    }
    if (this.rateMbit !== undefined) {
      const queue = CARD_QUEUE_FRAMES * this.mtu;
      const shaper = `rate ${this.rateMbit}mbit burst ${CARD_BURST} limit ${queue}`;
      await vm.exec('tc', ['qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', ...shaper.split(' ')]);
    }
    // Without nodad an IPv6 address cannot be used for its first second or two.
    await vm.ip(
      'link set eth0 up',
      ...addresses.map(address => `addr add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`),
    );
    return vm;
  }

  /**
   * Adds many namespaces at once, named as in `a-n17`, with nothing set in them: containers that only have to be there.
   * Returns their names for `ip netns`.
   */
  addBareNamespaces(names: readonly string[]): string[] {
    names.forEach(checkNamePart);
    const all = names.map(name => this.netnsName(name));
    this.namespaces.push(...all);
    makeNamespaces(all);
    return all;
  }

  /** The machine of this name; throws when it was never added. */
  vm(name: string): Vm {
    const vm = this.vms.get(name);
    if (vm === undefined) throw new Error(`lab ${this.name} has no machine ${name}`);
    return vm;
  }

  /** Cuts or mends the wire of a machine, at the switch: the machine itself sees its carrier go. */
  async setWire(vm: Vm, state: 'up' | 'down'): Promise<void> {
    await this.switchHost.ip(`link set port-${vm.name} ${state}`);
  }

  /** Whether the switch sends frames of a machine back to it (reflective relay, IEEE 802.1Qbg; `hairpin` in bridge(8)). */
  async reflect(vm: Vm, on: boolean): Promise<void> {
    await this.switchHost.ip(`link set port-${vm.name} type bridge_slave hairpin ${on ? 'on' : 'off'}`);
  }

  /**
   * Splits the underlay in two: these machines on one side, all others on the other. Nobody loses his carrier, and nobody is told.
   * Replaces the split of before.
   */
  async split(vms: readonly Vm[]): Promise<void> {
    await this.mend();
    await this.switchHost.ip(
      ...bridge(FAR_SWITCH, this.mtu),
      ...vms.map(vm => `link set port-${vm.name} master ${FAR_SWITCH}`),
    );
    this.farSide = vms;
  }

  /** Makes one underlay of the two halves again. */
  async mend(): Promise<void> {
    if (this.farSide === undefined) return;
    await this.switchHost.ip(
      ...this.farSide.map(vm => `link set port-${vm.name} master ${SWITCH}`),
      `link del ${FAR_SWITCH}`,
    );
    this.farSide = undefined;
  }

  /** What every process of this lab said: for the log of a test that failed. */
  report(): string {
    return this.processes.map(process => process.report()).join('\n');
  }

  /** Ends the lab's processes and removes its namespaces and files. Twice is once. */
  async destroy(): Promise<void> {
    this.destroySync();
    await Promise.all(this.processes.map(process => process.ended));
    removeCgroups(owner => owner === process.pid);
    // A process that was just being killed may have written a last file.
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** As {@link destroy}, but without waiting for the processes' ends. */
  destroySync(): void {
    live.delete(this);
    for (const process of this.processes) process.signal('SIGKILL');
    removeNamespaces(this.namespaces.splice(0));
    rmSync(this.directory, { recursive: true, force: true });
  }

  private netnsName(host: string): string {
    return `${this.prefix}-${host}`;
  }

  /** Makes a namespace with its loopback up and without IPv6 duplicate address detection. */
  private async addNamespace(host: string): Promise<string> {
    checkNamePart(host);
    const netns = this.netnsName(host);
    makeNamespace(netns);
    this.namespaces.push(netns);
    const added = new Host({ processes: this.processes }, { name: host, netns });
    await added.sysctl({ 'net.ipv6.conf.all.accept_dad': 0, 'net.ipv6.conf.default.accept_dad': 0 });
    await added.ip('link set lo up');
    return netns;
  }
}

/** Snooping would need an IGMP querier; without one it loses neighbour discovery after a few minutes. */
function bridge(name: string, mtu: number): readonly string[] {
  return [`link add ${name} mtu ${mtu} type bridge mcast_snooping 0`, `link set ${name} up`];
}

function watchForEnd(): void {
  if (watching) return;
  watching = true;
  // Also after an uncaught exception: Node raises 'exit' after it has printed it.
  process.on('exit', destroyAll);
  for (const [signal, status] of [
    ['SIGINT', 130] as const,
    ['SIGTERM', 143] as const,
    ['SIGHUP', 129] as const,
  ]) {
    process.once(signal, () => process.exit(status));
  }
  // In a worker process of ava: the runner was killed, nobody wants the result any more.
  process.once('disconnect', () => {
    if (live.size > 0) process.exit(1);
  });
}

function destroyAll(): void {
  for (const lab of live) lab.destroySync();
}
