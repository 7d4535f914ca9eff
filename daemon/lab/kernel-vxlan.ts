import type { Container, PlugOptions } from './container.ts';
import type { Vm } from './vm.ts';

export interface KernelVxlanOptions {
  readonly vni: number;
  /** Underlay addresses of the other VTEPs: broadcast goes to each of them. */
  readonly remotes: readonly string[];
  /** @default 4789 */
  readonly port?: number;
  /** MTU of the overlay. @default 1450 */
  readonly mtu?: number;
  /** Send outer UDP checksums; without, they are zero, which RFC 7348 section 5 prefers. @default true */
  readonly checksum?: boolean;
}

/** A VTEP made of the kernel's own `vxlan` device and a bridge: the judge of interoperability and the bar for speed. */
export class KernelVxlan {
  private readonly vm: Vm;
  private readonly bridge: string;
  private readonly mtu: number;

  private constructor(vm: Vm, bridge: string, mtu: number) {
    this.vm = vm;
    this.bridge = bridge;
    this.mtu = mtu;
  }

  static async create(vm: Vm, options: KernelVxlanOptions): Promise<KernelVxlan> {
    const { vni, remotes, port = 4789, mtu = 1450, checksum = true } = options;
    const device = `vx${vni}`;
    const bridge = `br${vni}`;
    // For an IPv6 underlay the kernel's defaults are right: checksums both ways.
    const udp = vm.underlay.includes(':') ? '' : ` ${checksum ? '' : 'no'}udpcsum`;
    await vm.ip(
      `link add ${device} mtu ${mtu} type vxlan id ${vni} local ${vm.underlay} dstport ${port}${udp}`,
    );
    await vm.addBridge(bridge, { mtu, ports: [device] });
    for (const remote of remotes) {
      await vm.exec('bridge', ['fdb', 'append', '00:00:00:00:00:00', 'dev', device, 'dst', remote]);
    }
    return new KernelVxlan(vm, bridge, mtu);
  }

  /** Joins a container to the overlay. */
  async attach(container: Container, options: Omit<PlugOptions, 'mtu'>): Promise<void> {
    const near = await this.vm.plug(container, { ...options, mtu: this.mtu });
    await this.vm.ip(`link set ${near} master ${this.bridge}`);
  }
}
