/** A network of mode bridge, macvlan or host on this VM: whatever it is, it ends here. */
import type { Vni } from '../../dataplane/address.ts';
import type { NetworkConfig } from '../config/config.ts';
import { bridgeName } from '../endpoints/names.ts';
import type { RoutedNetwork } from '../firewall/rules.ts';
import { makeLocalBridge, removeBridge } from '../net/network-devices.ts';
import type { CarriedNetwork } from './carried-network.ts';
import { ownGateway } from './gateway.ts';

/** GSO_MAX_SEGS of linux/netdevice.h: what a link is made with. Nothing is encapsulated here. */
const GSO_MAX_SEGS = 65_535;

export class LocalNetwork implements CarriedNetwork {
  private current: NetworkConfig;
  readonly mtu: number;
  readonly gsoMaxSegs = GSO_MAX_SEGS;
  readonly isOverlay = false;
  readonly vteps = [];
  private hasBridge = false;

  constructor(options: { readonly config: NetworkConfig; readonly mtu: number }) {
    this.current = options.config;
    this.mtu = options.mtu;
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

  get devices(): readonly string[] {
    return this.hasBridge ? [bridgeName(this.name)] : [];
  }

  get route(): RoutedNetwork | undefined {
    const { mode, name, subnet, subnet6 } = this.config;
    if (mode !== 'bridge') return undefined;
    return { name, device: bridgeName(name), subnets: [subnet, subnet6].filter(one => one !== undefined) };
  }

  async start(): Promise<void> {
    await this.remakeDevices();
  }

  /** Nothing of it leaves by VXLAN: neither static VTEPs nor rules for frames are its. */
  async reconfigure(config: NetworkConfig): Promise<void> {
    this.current = config;
  }

  async remakeDevices(): Promise<void> {
    const gateway = ownGateway(this.config);
    if (this.config.mode !== 'bridge' || gateway === undefined) return;
    await makeLocalBridge(this.name, { mtu: this.mtu, gateway });
    this.hasBridge = true;
  }

  async stop({ keepDevices }: { readonly keepDevices: boolean }): Promise<void> {
    if (this.hasBridge && !keepDevices) await removeBridge(this.name);
  }
}
