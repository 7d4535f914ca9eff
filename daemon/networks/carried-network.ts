/** A network brought to life on this VM, whatever its mode. */
import type { Vni, VtepAddress } from '../../dataplane/address.ts';
import type { NetworkConfig } from '../config/config.ts';
import type { RoutedNetwork } from '../firewall/rules.ts';

export interface CarriedNetwork {
  /** As it is now: see {@link reconfigure}. */
  readonly config: NetworkConfig;
  readonly name: string;
  readonly vni: Vni;
  readonly mtu: number;
  /** The most segments of a super-frame of its containers. */
  readonly gsoMaxSegs: number;
  /** It is in the dataplane, and other nodes are told of its containers. */
  readonly isOverlay: boolean;
  /** Underlay addresses of the other VTEPs, each once. */
  readonly vteps: readonly VtepAddress[];
  /** Names of the devices that must be there while it runs. */
  readonly devices: readonly string[];
  /** What the VM is in it as its gateway; undefined: it is none. */
  readonly route: RoutedNetwork | undefined;
  /** Makes the devices, or takes them over. */
  start(): Promise<void>;
  /** Follows a configuration that differs in static VTEPs and rules for frames alone. Can be called with the former one to undo it. */
  reconfigure(config: NetworkConfig): Promise<void>;
  /** After somebody deleted one of the devices: whatever is left of them gives way to new ones. */
  remakeDevices(): Promise<void>;
  /** Devices stay only for containers that use them. Of a start that failed, it takes back as much as was done. */
  stop(how: { readonly keepDevices: boolean }): Promise<void>;
}
