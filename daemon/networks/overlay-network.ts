/** A network of mode overlay brought to life on this VM: its devices, its place in the dataplane, its VTEPs. */
import { parseMac, type Vni, type VtepAddress } from '../../dataplane/address.ts';
import type { VtepSpec } from '../../dataplane/commands.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { type PassedOn, tapName } from '../../dataplane/descriptor-store.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { superFrameSegments } from '../../dataplane/mtu.ts';
import type { SuperFrames } from '../../dataplane/tap-device.ts';
import type { NetworkConfig } from '../config/config.ts';
import { bridgeName, bridgeTapName, stableMac } from '../endpoints/names.ts';
import type { RoutedNetwork } from '../firewall/rules.ts';
import { makeBridge, makeGatewayTap, removeBridge } from '../net/network-devices.ts';
import type { CarriedNetwork } from './carried-network.ts';
import { forwardingRules } from './forwarding-rules.ts';
import { gatewayAddresses, linkLocalOf, ownGateway } from './gateway.ts';

export interface OverlayNetworkOptions {
  readonly config: NetworkConfig;
  readonly mtu: number;
  readonly nodeName: string;
  /** UDP port of VXLAN: static VTEPs listen on the same. */
  readonly vxlanPort: number;
  readonly underlayFamily: 4 | 6;
  /** What may cross its TAPs whole. */
  readonly superFrames: SuperFrames;
  readonly passed: PassedOn;
}

export interface OverlayNetworkModules {
  readonly dataplane: Pick<Dataplane, 'run' | 'workerCount'>;
}

export class OverlayNetwork implements CarriedNetwork {
  readonly isOverlay = true;
  private current: NetworkConfig;
  readonly mtu: number;
  /** The most segments of a super-frame of this network: one super-frame is one send. */
  readonly gsoMaxSegs: number;
  private readonly dataplane: OverlayNetworkModules['dataplane'];
  private readonly options: OverlayNetworkOptions;
  private gossiped: readonly VtepSpec[] = [];
  private isInDataplane = false;
  private hasDevices = false;

  constructor(modules: OverlayNetworkModules, options: OverlayNetworkOptions) {
    this.dataplane = modules.dataplane;
    this.gsoMaxSegs = superFrameSegments(options.mtu, options.underlayFamily);
    this.current = options.config;
    this.mtu = options.mtu;
    this.options = options;
  }

  get config(): NetworkConfig {
    return this.current;
  }

  get name(): string {
    return this.config.name;
  }

  get vni(): Vni {
    return this.config.vni;
  }

  /** Names of the devices that must be there while it runs. */
  get devices(): readonly string[] {
    if (!this.hasDevices) return [];
    const tap = bridgeTapName(this.name);
    return this.config.attach === 'bridge' ? [bridgeName(this.name), tap] : [tap];
  }

  /** What the VM is in it as its gateway; undefined: it is none. */
  get route(): RoutedNetwork | undefined {
    const { attach, subnet, subnet6 } = this.config;
    if (ownGateway(this.config) === undefined) return undefined;
    const subnets = [subnet, subnet6].filter(one => one !== undefined);
    const device = attach === 'bridge' ? bridgeName(this.name) : bridgeTapName(this.name);
    return { name: this.name, device, subnets };
  }

  /** Underlay addresses of the other VTEPs, each once. */
  get vteps(): readonly VtepAddress[] {
    return [...new Set([...this.gossiped.map(({ address }) => address), ...this.config.staticVteps])];
  }

  /** Makes the devices, or takes them over, and hands them to the dataplane. */
  async start(): Promise<void> {
    const { vni, name } = this.config;
    await this.dataplane.run('addNetwork', { name, vni, mtu: this.mtu, ...forwardingRules(this.config) });
    this.isInDataplane = true;
    await this.makeDevices();
    await this.setStaticVteps(this.config);
  }

  /** Follows a configuration that differs in static VTEPs and rules for frames alone. */
  async reconfigure(config: NetworkConfig): Promise<void> {
    await this.dataplane.run('setRules', { vni: config.vni, ...forwardingRules(config) });
    await this.setStaticVteps(config);
    this.current = config;
  }

  private async setStaticVteps({ vni, staticVteps }: NetworkConfig): Promise<void> {
    const vteps = staticVteps.map(address => ({ address, port: this.options.vxlanPort }));
    await this.dataplane.run('setVteps', { vni, source: 'static', vteps });
  }

  /** After somebody deleted the TAP: whatever is left of it gives way to a new one. */
  async remakeDevices(): Promise<void> {
    const { vni, name } = this.config;
    await this.dataplane.run('removePort', { vni, port: bridgeTapName(name) }).catch(error => {
      if (!(error instanceof WeftError) || error.code !== 'not_found') throw error;
    });
    await this.makeDevices();
  }

  /** attach: bridge: the bridge and its TAP; tap: the TAP of the gateway, if there is one. */
  private async makeDevices(): Promise<void> {
    const { vni, name, attach } = this.config;
    const gateway = ownGateway(this.config);
    if (attach !== 'bridge' && gateway === undefined) return;
    const { nodeName, passed, superFrames } = this.options;
    // All containers of the network send through it: each worker gets a share of their flows.
    const queues = this.dataplane.workerCount;
    const { mtu, gsoMaxSegs } = this;
    const port = bridgeTapName(name);
    const options = { mtu, gsoMaxSegs, superFrames, queues, passed: passed.take(tapName(port)) };
    const bridgeMac = stableMac(nodeName, name, 'bridge');
    const tapMac = stableMac(nodeName, name, 'tap');
    const tap =
      attach === 'bridge' || gateway === undefined
        ? await makeBridge(name, { ...options, bridgeMac, tapMac, gateway })
        : await makeGatewayTap(name, { ...options, gateway });
    this.hasDevices = true;
    await this.dataplane.run('addPort', { vni, port, fds: tap.fds });
    if (gateway === undefined) return;
    const addresses = [...gatewayAddresses(this.config), linkLocalOf(gateway.mac)];
    const mac = parseMac(gateway.mac);
    await this.dataplane.run('attachMac', { vni, mac, port, addresses, isGateway: true });
  }

  /** What gossip says of who carries this VNI; tells the dataplane only what is new. */
  async setGossipedVteps(vteps: readonly VtepSpec[]): Promise<void> {
    if (isSameSet(vteps, this.gossiped)) return;
    this.gossiped = vteps;
    await this.tellVteps();
  }

  /** Holds what gossip says against what the dataplane has of it. Resolves to how many VTEPs were wrong: now they are not. */
  async auditVteps(): Promise<number> {
    const wanted = this.gossiped;
    const installed = await this.dataplane.run('readVteps', { vni: this.vni });
    // What was told meanwhile may have been read or not.
    if (wanted !== this.gossiped) return 0;
    const is = new Set(installed.filter(({ isMissing }) => !isMissing).map(textOf));
    const should = new Set(byAddress(wanted).map(textOf));
    const wrong =
      [...should].filter(text => !is.has(text)).length + [...is].filter(text => !should.has(text)).length;
    if (wrong > 0) await this.tellVteps();
    return wrong;
  }

  private async tellVteps(): Promise<void> {
    await this.dataplane.run('setVteps', { vni: this.vni, source: 'gossip', vteps: this.gossiped });
  }

  /**
   * Takes the network out of the dataplane; devices stay only for containers that use them. Of a start that failed, it
   * takes back as much as was done.
   */
  async stop({ keepDevices }: { readonly keepDevices: boolean }): Promise<void> {
    if (this.isInDataplane) await this.dataplane.run('removeNetwork', { vni: this.config.vni });
    if (this.hasDevices && !keepDevices) await removeBridge(this.name);
  }
}

/** Two members may name one VTEP, which is one to the dataplane: of the port the last is believed, and telling is the one that tells. */
function byAddress(vteps: readonly VtepSpec[]): readonly VtepSpec[] {
  const merged = new Map<VtepAddress, VtepSpec>();
  for (const { address, port, tells } of vteps) {
    merged.set(address, { address, port, tells: tells === true || merged.get(address)?.tells === true });
  }
  return [...merged.values()];
}

function isSameSet(some: readonly VtepSpec[], others: readonly VtepSpec[]): boolean {
  const text = (specs: readonly VtepSpec[]) => specs.map(textOf).toSorted().join();
  return text(some) === text(others);
}

function textOf({ address, port, tells }: VtepSpec): string {
  return `${address} ${port} ${tells === true}`;
}
