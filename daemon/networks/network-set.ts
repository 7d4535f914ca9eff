/**
 * The networks that this VM carries at present: those of its configuration, always, and of those that were made by command the ones in which it has
 * containers. Broadcasts of a network go to every VM that carries it, so a VM carries none that it has no use for.
 */
import { ipFamily, type Vni } from '../../dataplane/address.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
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
  readonly firewall: Pick<Firewall, 'add' | 'remove'>;
  readonly frames: Pick<BridgedFrames, 'add' | 'remove'>;
}

export interface NetworkSetOptions {
  readonly nodeName: string;
  readonly underlay: Underlay;
  readonly vxlanPort: number;
  readonly superFrames: SuperFrames;
}

export class NetworkSet {
  private readonly modules: NetworkSetModules;
  private readonly options: NetworkSetOptions;
  private readonly networks = new Map<string, CarriedNetwork>();
  private readonly repairing = new Set<CarriedNetwork>();
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
    const { underlay, nodeName, vxlanPort, superFrames } = this.options;
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

  /** Repairs nothing from now on, and takes all out of the dataplane. */
  async removeAll(isInUse: (network: string) => boolean): Promise<void> {
    this.isStopped = true;
    for (const network of this.all().toReversed())
      await this.remove(network, { keepDevices: isInUse(network.name) });
  }

  /** Removes bridges of networks that are carried no more, once no container is on them. */
  async removeUnused(isInUse: (network: string) => boolean): Promise<void> {
    const removed = await removeUnusedBridges(name => this.networks.has(name) || isInUse(name));
    for (const network of removed)
      this.modules.log.info({ network }, 'removed the bridge of a network that is no more');
  }

  /** Looks after the devices that no descriptor tells us of: a bridge that somebody deleted. */
  watch(links: ReadonlySet<string>): void {
    for (const network of this.all()) {
      if (network.devices.some(name => !links.has(name))) this.repair(network);
    }
  }

  /** A TAP was deleted. Returns whether it was that of a bridge, which is then made again. */
  portLost(port: string): boolean {
    const network = this.all().find(({ name }) => bridgeTapName(name) === port);
    if (network !== undefined) this.repair(network);
    return network !== undefined;
  }

  /** Makes the devices of a network again. What fails is tried again when the links are looked at next. */
  private repair(network: CarriedNetwork): void {
    if (this.isStopped || this.repairing.has(network)) return;
    this.repairing.add(network);
    const { log, rebuild } = this.modules;
    const { name } = network;
    rebuild(name, async () => {
      // It may have been given up meanwhile.
      if (this.networks.get(name) === network) await network.remakeDevices();
    })
      .then(
        () => log.warn({ network: name }, 'made the devices of the network again'),
        error => log.error({ network: name, ...errorFields(error) }, 'cannot make the devices again'),
      )
      .finally(() => this.repairing.delete(network));
  }
}
