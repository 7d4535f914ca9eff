/**
 * Two machines with a container each, joined by weft or by the kernel's vxlan, and what is measured between them.
 *
 *   client 198.18.0.1 ──[bridge]── a 192.0.2.1 ──(wire)── b 192.0.2.2 ──[bridge]── server 198.18.0.2
 *                          │
 *                        gen0, where generated frames come in (on both machines)
 */
import type { Container } from '../../daemon/lab/container.ts';
import { KernelVxlan } from '../../daemon/lab/kernel-vxlan.ts';
import type { Lab } from '../../daemon/lab/lab.ts';
import { ping } from '../../daemon/lab/ping.ts';
import type { Vm } from '../../daemon/lab/vm.ts';
import { waitFor } from '../../daemon/lab/wait-for.ts';
import type { AttachMode } from '../../daemon/lab/weft-config.ts';
import { processMegabytes } from '../cpu.ts';
import { KERNEL } from './curve.ts';
import { type FrameSpec, Generator } from './generator.ts';
import { tcpStreams } from './streams.ts';

export const WEFT_BRIDGE = 'weft bridge';
export const WEFT_TAP = 'weft tap';
export type System = typeof WEFT_BRIDGE | typeof WEFT_TAP | typeof KERNEL;

export const VNI = 42;
const CLIENT = '198.18.0.1';
const SERVER = '198.18.0.2';
/** Everything in the labs is in one subnet: RFC 2544's. */
const PREFIX = 15;
export const UDP_PAYLOAD = 64;
/** How the addresses begin that stand for many stations (probe-frame.ts, VARIANT_MAC). */
const VARIANTS = '02:57:00:';

export interface PairOptions {
  readonly system: System;
  /** Underlay addresses of further VTEPs that a has to know. @default none */
  readonly otherVteps?: readonly string[];
}

export class Pair {
  readonly system: System;
  readonly a: Vm;
  readonly b: Vm;
  readonly client: Container;
  readonly server: Container;
  private readonly generators = new Map<Vm, Generator>();

  private constructor(
    system: System,
    machines: readonly [Vm, Vm],
    containers: readonly [Container, Container],
  ) {
    this.system = system;
    [this.a, this.b] = machines;
    [this.client, this.server] = containers;
  }

  static async build(lab: Lab, { system, otherVteps = [] }: PairOptions): Promise<Pair> {
    const a = await lab.addVm('a', { underlay: '192.0.2.1/24' });
    const b = await lab.addVm('b', { underlay: '192.0.2.2/24' });
    const pair = new Pair(system, [a, b], [await a.addContainer('c1'), await b.addContainer('c1')]);
    const vteps = new Map([
      [a, [b.underlay, ...otherVteps]],
      [b, [a.underlay]],
    ]);
    const addresses = new Map([
      [pair.client, `${CLIENT}/${PREFIX}`],
      [pair.server, `${SERVER}/${PREFIX}`],
    ]);
    for (const [vm, container] of [[a, pair.client] as const, [b, pair.server] as const]) {
      const remotes = vteps.get(vm) ?? [];
      const address = addresses.get(container) ?? '';
      if (system === KERNEL) {
        const device = await KernelVxlan.create(vm, { vni: VNI, remotes });
        await device.attach(container, { addresses: [address] });
      } else {
        const attach: AttachMode = system === WEFT_TAP ? 'tap' : 'bridge';
        await vm.startWeft({
          // What is measured is how fast it replicates, not how fast it may.
          networks: [{ name: 'blue', vni: VNI, attach, static_vteps: remotes, bum_rate: 0 }],
          // What an operator would run: no debug log.
          override: { log: { level: 'info' } },
        });
        await vm.weft(['attach', container.netns, '--network', 'blue', '--address', address]);
      }
    }
    await pair.meet();
    return pair;
  }

  /** Until each end knows where the other is. */
  async meet(): Promise<void> {
    await waitFor(async () => (await ping(this.client, SERVER, { count: 1, waitS: 1 })).received === 1, {
      what: `${this.system}: a ping to be answered`,
      timeoutMs: 20_000,
    });
  }

  /** Goodput of TCP from client to server in Gbit/s. More than 128 streams are spread over several iperf3. */
  async tcp(seconds: number, streams = 1): Promise<number> {
    return (await tcpStreams(this.client, this.server, { address: SERVER, seconds, streams })) / 1e9;
  }

  /** Thousands of generated 64-byte datagrams that reach the server's interface in a second. */
  async udpDelivered(vary: FrameSpec['vary'], variants: number, seconds: number): Promise<number> {
    const before = await this.received(this.server);
    await this.generate(this.a, { vary, variants, seconds, destination: this.server });
    // What is still in queues when the generator ends is a few milliseconds' worth.
    return ((await this.received(this.server)) - before) / seconds / 1e3;
  }

  /** Sends generated frames into the bridge of a machine. */
  async generate(
    vm: Vm,
    options: Pick<FrameSpec, 'vary' | 'variants' | 'seconds' | 'frames' | 'perSecond'> & {
      readonly destination: Container | 'broadcast';
    },
  ): Promise<void> {
    const generator = this.generators.get(vm) ?? (await Generator.create(vm, this.bridge));
    this.generators.set(vm, generator);
    const { destination, ...spec } = options;
    const destinationMac =
      destination === 'broadcast' ? 'ff:ff:ff:ff:ff:ff' : (await destination.link('eth0')).address;
    await generator.send({
      sourceMac: '02:57:ff:00:00:01',
      destinationMac,
      payload: UDP_PAYLOAD,
      ...spec,
    });
  }

  get bridge(): string {
    return this.system === KERNEL ? `br${VNI}` : 'wf-blue';
  }

  /**
   * How many addresses the VTEP on a has learned from b. weft's are counted at the bridge, which has seen exactly those
   * come out of its TAP: asking the daemon for a table of 50,000 would show in its memory ever after.
   */
  async remoteEntries(): Promise<number> {
    const device = this.system === KERNEL ? `vx${VNI}` : 'wt-blue';
    const { stdout } = await this.a.exec('bridge', ['fdb', 'show', 'dev', device]);
    return stdout
      .split('\n')
      .filter(line => line.startsWith(VARIANTS) && (this.system === KERNEL ? / dst / : / master /).test(line))
      .length;
  }

  /** Resident memory of a's daemon in MB; undefined for the kernel, whose memory is not told apart. */
  memory(): number | undefined {
    if (this.system === KERNEL) return undefined;
    return processMegabytes(this.a.daemon.pid);
  }

  /** Frames that have come in by eth0 so far. */
  async received(host: Container | Vm): Promise<number> {
    const { stdout } = await host.exec('cat', ['/proc/net/dev']);
    return Number(/^\s*eth0:\s*\d+\s+(\d+)/m.exec(stdout)?.[1]);
  }
}
