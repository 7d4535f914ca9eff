/** Networks of the configuration that are added, changed and removed while the node runs. */
import type { Gossip } from '../../control/gossip.ts';
import type { IpAddress } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Config, NetworkConfig } from '../config/config.ts';
import { formatHostPort } from '../config/host-port.ts';
import { requireUnderlayFits } from '../config/semantics.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';
import { type AddressOwnersModules, addressOwners } from '../ipam/address-owners.ts';
import { errorFields, type Log } from '../log.ts';
import type { NodeReload } from '../reload/apply-changes.ts';
import { type ConfigChange, canFollow } from '../reload/diff-config.ts';
import type { CarriedNetwork } from './carried-network.ts';
import type { Carrier } from './carrier.ts';
import type { Catalogue } from './catalogue.ts';
import type { ConfiguredNetworks } from './configured-networks.ts';
import type { NetworkSet } from './network-set.ts';
import type { PoolNetworks } from './pool-networks.ts';

export interface NetworkReloadModules {
  readonly log: Log;
  readonly configured: ConfiguredNetworks;
  readonly set: Pick<NetworkSet, 'all' | 'find' | 'plan'>;
  readonly carrier: Pick<Carrier, 'carryConfigured' | 'cease'>;
  readonly pool: Pick<PoolNetworks, 'addConfigured' | 'removeConfigured'> & {
    readonly catalogue: Pick<Catalogue, 'find'>;
  };
  readonly endpoints: Pick<Endpoints, 'ofNetwork' | 'exclusively'>;
  readonly plugin: AddressOwnersModules['plugin'];
  /** It has other VTEPs. */
  readonly vtepsChanged: () => void;
}

/** What a node follows of a changed configuration. */
export function nodeReload(
  modules: NetworkReloadModules & { readonly gossip: Pick<Gossip, 'setJoin'> },
  options: { readonly underlay: IpAddress },
): NodeReload {
  const networks = new NetworkReload(modules, options);
  return {
    check: (...changes) => networks.check(...changes),
    changeNetwork: networks.change,
    setJoin: join => modules.gossip.setJoin(join.map(formatHostPort)),
  };
}

class NetworkReload {
  private readonly modules: NetworkReloadModules;
  private readonly underlay: IpAddress;

  constructor(modules: NetworkReloadModules, options: { readonly underlay: IpAddress }) {
    this.modules = modules;
    this.underlay = options.underlay;
  }

  /** Throws `invalid_config` for what does not fit the underlay, `conflict` for what containers or networks made by command are in the way of. */
  check(config: Config, changes: readonly ConfigChange[]): void {
    requireUnderlayFits(config, this.underlay);
    const networks = changes.filter(change => change.kind === 'network');
    const gone = networks.flatMap(({ from, to }) =>
      to === undefined && from !== undefined ? [from.name] : [],
    );
    for (const name of gone) this.refuseInUse(name);
    for (const { from, to } of networks) {
      if (from !== undefined || to === undefined) continue;
      this.modules.set.plan(to);
      this.refuseCarried(to, gone);
    }
  }

  /** As {@link NodeReload.changeNetwork}. */
  readonly change: NodeReload['changeNetwork'] = (from, to, { evenInUse }) =>
    this.modules.endpoints.exclusively(async () => {
      if (from !== undefined && to !== undefined) await this.follow(from, to);
      else if (to !== undefined) await this.add(to);
      else if (from !== undefined) await this.remove(from, evenInUse);
    });

  private async follow(from: NetworkConfig, to: NetworkConfig): Promise<void> {
    const { configured, set, vtepsChanged } = this.modules;
    const network = set.find(to.name);
    if (network !== undefined) await this.reconfigure(network, { from, to });
    configured.put(to);
    vtepsChanged();
  }

  private async add(network: NetworkConfig): Promise<void> {
    const { carrier, configured, pool, set, vtepsChanged } = this.modules;
    const left = set.find(network.name);
    const former = left?.config ?? network;
    if (left !== undefined) await this.reconfigure(left, { from: former, to: network });
    else await carrier.carryConfigured(network);
    try {
      configured.put(network);
      pool.addConfigured(network, addressOwners(this.modules, network.name));
    } catch (error) {
      configured.remove(network.name);
      pool.removeConfigured(network);
      await this.undo(network, async () => await (left?.reconfigure(former) ?? carrier.cease(network.name)));
      throw error;
    }
    vtepsChanged();
  }

  /** One that has containers still is let go of when the last has gone (Carrier.tidy). */
  private async remove(network: NetworkConfig, evenInUse: boolean): Promise<void> {
    const { configured, endpoints, pool } = this.modules;
    if (!evenInUse) this.refuseInUse(network.name);
    if (endpoints.ofNetwork(network.name).length === 0) await this.cease(network);
    configured.remove(network.name);
    pool.removeConfigured(network);
  }

  private async reconfigure(
    network: CarriedNetwork,
    { from, to }: { readonly from: NetworkConfig; readonly to: NetworkConfig },
  ): Promise<void> {
    try {
      await network.reconfigure(to);
    } catch (error) {
      await this.undo(to, () => network.reconfigure(from));
      throw error;
    }
  }

  /** One that cannot be let go of whole is carried on. */
  private async cease(network: NetworkConfig): Promise<void> {
    const { carrier, set } = this.modules;
    try {
      await carrier.cease(network.name);
    } catch (error) {
      if (set.find(network.name) === undefined)
        await this.undo(network, () => carrier.carryConfigured(network));
      throw error;
    }
  }

  /** What fails here is logged alone: what the step has failed of is to be told. */
  private async undo(network: NetworkConfig, step: () => Promise<void>): Promise<void> {
    const { log } = this.modules;
    await step().catch(late =>
      log.error({ network: network.name, ...errorFields(late) }, 'cannot undo a network'),
    );
  }

  private refuseInUse(network: string): void {
    const attached = this.modules.endpoints.ofNetwork(network);
    if (attached.length === 0) return;
    const names = attached.map(({ container, netns, ifname }) => `${container?.id ?? netns.name} ${ifname}`);
    throw new WeftError('conflict', `network "${network}" has containers on this node: ${names.join(', ')}`, {
      hint: 'detach them first, or leave the network in the configuration',
    });
  }

  private refuseCarried(wanted: NetworkConfig, gone: readonly string[]): void {
    const { configured, pool, set } = this.modules;
    const isInTheWay = (other: CarriedNetwork) =>
      !gone.includes(other.name) && (other.name === wanted.name || other.vni === wanted.vni);
    const other = set.all().find(isInTheWay);
    if (other === undefined) return;
    const isMade = pool.catalogue.find(other.name)?.vni === other.vni;
    // It left the configuration when it had containers, and comes back as it was.
    const isBack =
      other.name === wanted.name && !configured.has(other.name) && !isMade && canFollow(other.config, wanted);
    if (isBack) return;
    throw new WeftError(
      'conflict',
      `network "${wanted.name}" (VNI ${wanted.vni}): this node carries network "${other.name}" (VNI ${other.vni})`,
      {
        hint: 'remove that first: weft network rm; a node lets go of a network half a minute after its last container',
      },
    );
  }
}
