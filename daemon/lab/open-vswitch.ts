import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, PlugOptions } from './container.ts';
import type { Vm } from './vm.ts';

export interface OpenVswitchOptions {
  readonly vni: number;
  /** Underlay address of the other VTEP. */
  readonly remote: string;
  /** Underlay address of this machine with its prefix length: it moves from `eth0` to the bridge. */
  readonly underlay: string;
}

/**
 * A VTEP made of Open vSwitch with its userspace (netdev) datapath. The database and all control sockets lie in the
 * machine's directory, and every tool is told so: an Open vSwitch that the host itself runs is never spoken to.
 *
 *   container ── to-x ─┬─ br-int ── vxlan ──(route lookup in OVS)── br-phy ─┬─ eth0 ── wire
 *                      └─ netdev                                 underlay address
 */
export class OpenVswitch {
  private readonly vm: Vm;
  private readonly directory: string;

  private constructor(vm: Vm) {
    this.vm = vm;
    this.directory = join(vm.directory, 'ovs');
  }

  static async create(vm: Vm, options: OpenVswitchOptions): Promise<OpenVswitch> {
    const ovs = new OpenVswitch(vm);
    mkdirSync(ovs.directory);
    await ovs.startDaemons();
    const netdev = ['datapath_type=netdev'];
    await ovs.vsctl('add-br', 'br-phy', '--', 'set', 'bridge', 'br-phy', ...netdev);
    await ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', ...netdev);
    await ovs.vsctl('add-port', 'br-phy', 'eth0');
    await vm.ip(
      `addr del ${options.underlay} dev eth0`,
      `addr add ${options.underlay} dev br-phy`,
      'link set br-phy up',
      'link set br-int up',
    );
    const tunnel = ['type=vxlan', `options:remote_ip=${options.remote}`, `options:key=${options.vni}`];
    await ovs.vsctl('add-port', 'br-int', 'vxlan0', '--', 'set', 'interface', 'vxlan0', ...tunnel);
    return ovs;
  }

  /** Adds a network of its own, apart from the first: another VNI of the same VTEP. */
  async addNetwork(vni: number, remote: string): Promise<void> {
    const bridge = `br-${vni}`;
    await this.vsctl('add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=netdev');
    await this.vm.ip(`link set ${bridge} up`);
    const tunnel = ['type=vxlan', `options:remote_ip=${remote}`, `options:key=${vni}`];
    await this.vsctl('add-port', bridge, `vxlan${vni}`, '--', 'set', 'interface', `vxlan${vni}`, ...tunnel);
  }

  /** Joins a container to the overlay; `vni` names a network that was added. @default the first */
  async attach(container: Container, options: PlugOptions & { readonly vni?: number }): Promise<void> {
    const near = await this.vm.plug(container, { mtu: 1450, ...options });
    // The userspace datapath takes frames as they are: a checksum that the veth left for later would never be made.
    await container.ethtool(options.ifname ?? 'eth0', 'tx', 'off');
    await this.vsctl('add-port', options.vni === undefined ? 'br-int' : `br-${options.vni}`, near);
  }

  /** Runs ovs-vsctl and waits until the switch has done what it says. */
  async vsctl(...args: readonly string[]): Promise<string> {
    const db = `--db=unix:${this.directory}/db.sock`;
    const { stdout } = await this.vm.exec('ovs-vsctl', [db, '--timeout=20', ...args], {
      env: this.environment,
    });
    return stdout;
  }

  private get environment(): Readonly<Record<string, string>> {
    const { directory } = this;
    return { OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory, OVS_SYSCONFDIR: directory };
  }

  private async startDaemons(): Promise<void> {
    const { vm, directory, environment } = this;
    const database = join(directory, 'conf.db');
    await vm.exec('ovsdb-tool', ['create', database, '/usr/share/openvswitch/vswitch.ovsschema']);
    const server = vm.spawn(
      'ovsdb-server',
      [
        database,
        `--remote=punix:${directory}/db.sock`,
        `--unixctl=${directory}/db.ctl`,
        '--verbose=console:info',
      ],
      environment,
    );
    await server.waitForOutput('ovsdb-server (Open vSwitch)');
    await this.vsctl('--no-wait', 'init');
    vm.spawn(
      'ovs-vswitchd',
      [`unix:${directory}/db.sock`, `--unixctl=${directory}/vswitchd.ctl`],
      environment,
    );
  }
}
