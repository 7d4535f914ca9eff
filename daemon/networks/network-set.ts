/**
 * The networks that this VM carries at present: those of its configuration, always, and of those that were made by command the ones in which it has
 * containers. Broadcasts of a network go to every VM that carries it, so a VM carries none that it has no use for.
 */
import { ipFamily, type Vni } from '../../dataplane/address.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { PassedOn } from '../../dataplane/descriptor-store.ts';
import type { SuperFrames } from '../../dataplane/tap-device.ts';
import type { NetworkConfig } from '../config/config.ts';
import { bridgeName, bridgeTapName } from '../endpoints/names.ts';
import type { BridgedFrames } from '../firewall/bridged-frames.ts';
import type { Firewall } from '../firewall/firewall.ts';
import { errorFields, type Log } from '../log.ts';
import { removeUnusedBridges } from '../net/network-devices.ts';
import { networkMtu, type Underlay } from '../underlay.ts';
import type { CarriedNetwork } from './carried-network.ts';
import { LocalNetwork } from './local-network.ts';
import { OverlayNetwork } from './overlay-network.ts';

export interface NetworkSetModules {
  readonly log: Log;
  readonly dataplane: Pick<Dataplane, 'run' | 'workerCount'>;
  /** Calls `make`, which makes the devices of the network anew, and joins its containers to them. */
  readonly rebuild: (network: string, make: () => Promise<void>) => Promise<void>;
  /** The devices of the network were made again. */
  readonly onRemade: (network: string) => void;
  readonly firewall: Pick<Firewall, 'add' | 'remove'>;
  readonly frames: Pick<BridgedFrames, 'add' | 'remove'>;
}

export interface NetworkSetOptions {
  readonly nodeName: string;
  readonly underlay: Underlay;
  readonly vxlanPort: number;
  readonly superFrames: SuperFrames;
  /** TAPs of an earlier process. */
  readonly passed: PassedOn;
}

export class NetworkSet {
  private readonly modules: NetworkSetModules;
  private readonly options: NetworkSetOptions;
  private readonly networks = new Map<string, CarriedNetwork>();
  private readonly repairing = new Map<CarriedNetwork, Promise<void>>();
  private isStopped = false;

  constructor(modules: NetworkSetModules, options: NetworkSetOptions) {
    this.modules = modules;
    this.options = options;
  }

  all(): readonly CarriedNetwork[] {
    return [...this.networks.values()];
  }

  /** Those that other VMs have a part in. */
  overlays(): readonly OverlayNetwork[] {
    return this.all().filter(network => network instanceof OverlayNetwork);
  }

  find(name: string): CarriedNetwork | undefined {
    return this.networks.get(name);
  }

  vnis(): readonly Vni[] {
    return this.overlays().map(({ vni }) => vni);
  }

  /** CIDRs of a network that this VM carries. */
  subnetsOf(name: string): readonly string[] {
    const { subnet, subnet6 } = this.find(name)?.config ?? {};
    return [subnet, subnet6].filter(one => one !== undefined);
  }

  /** The network as this VM would carry it. Throws `invalid_config` when its MTU does not fit the underlay. */
  plan(config: NetworkConfig): CarriedNetwork {
    const { underlay, nodeName, passed, vxlanPort, superFrames } = this.options;
    if (config.mode !== 'overlay') {
      return new LocalNetwork({ config, mtu: config.mtu === 'auto' ? underlay.mtu : config.mtu });
    }
    const mtu = networkMtu(config.name, config.mtu, underlay);
    const underlayFamily = ipFamily(underlay.address);
    return new OverlayNetwork(this.modules, {
      config,
      mtu,
      nodeName,
      vxlanPort,
      underlayFamily,
      superFrames,
      passed,
    });
  }

  /** As {@link plan}, of a network that the pool has made: one that does not fit here is logged, and keeps no daemon from starting. */
  planIfFits(config: NetworkConfig): CarriedNetwork | undefined {
    try {
      return this.plan(config);
    } catch (error) {
      this.modules.log.error(
        { network: config.name, ...errorFields(error) },
        'a network cannot be carried here',
      );
      return undefined;
    }
  }

  /** Makes its devices and hands them to the dataplane. Of a start that fails nothing is left. */
  async start(network: CarriedNetwork): Promise<void> {
    this.networks.set(network.name, network);
    try {
      await network.start();
      if (network.route !== undefined) await this.modules.firewall.add(network.route);
      const bridge = bridgeName(network.name);
      if (network.devices.includes(bridge)) await this.modules.frames.add(bridge);
    } catch (error) {
      await this.remove(network, { keepDevices: false }).catch(late =>
        this.modules.log.error({ network: network.name, ...errorFields(late) }, 'cannot undo a network'),
      );
      throw error;
    }
  }

  /** Takes it out of the dataplane; devices stay only for containers that use them. */
  async remove(network: CarriedNetwork, how: { readonly keepDevices: boolean }): Promise<void> {
    this.networks.delete(network.name);
    await network.stop(how);
    if (how.keepDevices) return;
    await this.modules.firewall.remove(network.name);
    await this.modules.frames.remove(bridgeName(network.name));
  }

  /**
   * Repairs nothing from now on, and takes all out of the dataplane, but for those that the next process goes on with: frames of these are carried
   * until the dataplane is closed.
   */
  async removeAll(
    isInUse: (network: string) => boolean,
    { keepInUse }: { readonly keepInUse: boolean },
  ): Promise<void> {
    this.isStopped = true;
    for (const network of this.all().toReversed())
      if (!keepInUse || !isInUse(network.name))
        await this.remove(network, { keepDevices: isInUse(network.name) });
  }

  /** Removes bridges of networks that are carried no more, once no container is on them. */
  async removeUnused(isInUse: (network: string) => boolean): Promise<void> {
    const removed = await removeUnusedBridges(name => this.networks.has(name) || isInUse(name));
    for (const network of removed)
      this.modules.log.info({ network }, 'removed the bridge of a network that is no more');
  }

  /** A TAP was deleted. Returns whether it was that of a bridge, which is then made again. */
  portLost(port: string): boolean {
    const network = this.all().find(({ name }) => bridgeTapName(name) === port);
    // What fails is logged there, and tried again when the devices are looked at next.
    if (network !== undefined) this.repair(network.name).catch(() => {});
    return network !== undefined;
  }

  /** Makes the devices of a network again, of which somebody has deleted one. Throws as its start does. */
  repair(name: string): Promise<void> {
    const network = this.networks.get(name);
    if (network === undefined || this.isStopped) return Promise.resolve();
    const running = this.repairing.get(network) ?? this.repairNow(network);
    this.repairing.set(network, running);
    return running;
  }

  private async repairNow(network: CarriedNetwork): Promise<void> {
    const { log, rebuild, onRemade } = this.modules;
    const { name } = network;
    try {
      await rebuild(name, async () => {
        // It may have been given up meanwhile.
        if (this.networks.get(name) === network) await network.remakeDevices();
      });
      onRemade(name);
    } catch (error) {
      log.error({ network: name, ...errorFields(error) }, 'cannot make the devices again');
      throw error;
    } finally {
      this.repairing.delete(network);
    }
  }
}
