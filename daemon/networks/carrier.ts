/**
 * Which networks containers can be attached to, and when this VM begins and ceases to carry one. Of a network that was made by command a VM
 * knows only that it exists, until the first container of it is attached here.
 */
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { SuperFrames } from '../../dataplane/tap-device.ts';
import type { NetworkConfig } from '../config/config.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import type { Log } from '../log.ts';
import type { CarriedNetwork } from './carried-network.ts';
import type { Catalogue } from './catalogue.ts';
import { configOf } from './definition.ts';
import { gatewayAddresses } from './gateway.ts';
import type { NetworkSet } from './network-set.ts';
import { noNetwork } from './no-network.ts';

/** A network is carried for so long after its last container has gone, in milliseconds: one that restarts finds it as it was. */
const CARRY_IDLE = 30_000;

export interface CarrierModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly set: NetworkSet;
  readonly catalogue: Pick<Catalogue, 'find' | 'made'>;
  /** How many endpoints of this VM a network has. */
  readonly endpointsOf: (network: string) => number;
}

export interface CarrierOptions {
  /** Whether it stands in the configuration: such a network is carried always. */
  readonly isConfigured: (name: string) => boolean;
  readonly superFrames: SuperFrames;
  /** The network is in the dataplane: others are to be told. */
  readonly onCarried: (network: CarriedNetwork) => Promise<void>;
  /** The network is about to leave the dataplane. */
  readonly onDropping: (network: CarriedNetwork) => Promise<void>;
}

export class Carrier {
  private readonly modules: CarrierModules;
  private readonly options: CarrierOptions;
  private readonly idleSince = new Map<string, number>();

  constructor(modules: CarrierModules, options: CarrierOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** The network of this name as a container would find it. Throws `not_found`, `conflict`, `invalid_config`. */
  find(name: string): AttachableNetwork {
    const { set } = this.modules;
    return this.attachable(this.current(name) ?? set.plan(configOf(this.definition(name))));
  }

  /** Carries the network from now on; one that is carried already stays as it is. Throws what {@link find} throws, and `system`. */
  async carry(name: string): Promise<void> {
    const { set } = this.modules;
    this.idleSince.delete(name);
    if (this.current(name) !== undefined) return;
    const former = set.find(name);
    if (former !== undefined) await this.drop(former);
    await this.begin(set.plan(configOf(this.definition(name))));
  }

  /** Carries a network of the configuration. Throws `invalid_config` when its MTU does not fit the underlay, and `system`; then it is not carried. */
  async carryConfigured(config: NetworkConfig): Promise<void> {
    this.idleSince.delete(config.name);
    await this.begin(this.modules.set.plan(config));
  }

  /** Ceases to carry it now. */
  async cease(name: string): Promise<void> {
    const network = this.modules.set.find(name);
    if (network !== undefined) await this.drop(network);
  }

  private async begin(network: CarriedNetwork): Promise<void> {
    const { set, log } = this.modules;
    await set.start(network);
    try {
      await this.options.onCarried(network);
    } catch (error) {
      await this.drop(network);
      throw error;
    }
    log.info({ network: network.name, vni: network.vni }, 'carrying a network');
  }

  /** It will not be needed again soon: as if it had been idle for long. */
  letGo(name: string): void {
    this.idleSince.set(name, Number.NEGATIVE_INFINITY);
  }

  /** Ceases to carry what nobody has used for a while. To be called now and then, and not while somebody attaches. */
  async tidy(): Promise<void> {
    const { catalogue, clock, set, endpointsOf } = this.modules;
    for (const network of set.all()) {
      const { name } = network;
      if (this.options.isConfigured(name) || endpointsOf(name) > 0) {
        this.idleSince.delete(name);
        continue;
      }
      const since = this.idleSince.get(name) ?? clock.now();
      this.idleSince.set(name, since);
      // Nobody comes back to one that was removed.
      const isRemoved = catalogue.find(name)?.vni !== network.vni;
      if (isRemoved || clock.now() - since >= CARRY_IDLE) await this.drop(network);
    }
  }

  /**
   * The network of this name that is carried, if it is the one that the name means now: it may have been removed and another one made. Throws
   * `conflict` while the former one has containers.
   */
  private current(name: string): CarriedNetwork | undefined {
    const { catalogue, endpointsOf, set } = this.modules;
    const carried = set.find(name);
    if (carried === undefined || this.options.isConfigured(name)) return carried;
    const meant = catalogue.find(name);
    if (meant === undefined || meant.vni === carried.vni) return carried;
    if (endpointsOf(name) === 0) return undefined;
    throw new WeftError(
      'conflict',
      `this node has containers in a network "${name}" that is no more (VNI ${carried.vni})`,
      {
        hint: `detach them first; the network of today has VNI ${meant.vni}`,
      },
    );
  }

  private async drop(network: CarriedNetwork): Promise<void> {
    const { log, set } = this.modules;
    this.idleSince.delete(network.name);
    await this.options.onDropping(network);
    await set.remove(network, { keepDevices: false });
    log.info({ network: network.name, vni: network.vni }, 'a network is not carried any more');
  }

  private definition(name: string) {
    const { catalogue, set } = this.modules;
    const found = catalogue.find(name);
    if (found !== undefined) return found;
    const made = catalogue.made();
    const conflict = made.find(({ definition }) => definition.name === name)?.conflict;
    if (conflict !== undefined) {
      throw new WeftError('conflict', `network "${name}" cannot be used: ${conflict}`, {
        hint: `remove one of the two: weft network rm ${name}`,
      });
    }
    const usable = made.flatMap(network => (network.conflict === undefined ? [network.definition.name] : []));
    throw noNetwork(name, [...new Set([...set.all().map(network => network.name), ...usable])]);
  }

  private attachable({ config, mtu, gsoMaxSegs, route }: CarriedNetwork): AttachableNetwork {
    const { mode, attach } = config;
    return {
      ...config,
      mtu,
      wantedMtu: config.mtu,
      gsoMaxSegs,
      superFrames: this.options.superFrames,
      // Mode bridge has its containers on a bridge as the overlay has them.
      attach: mode === 'overlay' ? attach : mode,
      gateways: gatewayAddresses(config),
      isRouted: route !== undefined,
    };
  }
}
