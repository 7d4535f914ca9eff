/**
 * Which network of weft's a Docker network is. Docker tells its driver an id and a subnet, never a name: `-o network=NAME` or `-o vni=N` say which
 * one is meant, else the subnet does if weft's IPAM driver gives the addresses. One that is not there is made, for the whole pool.
 */
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { errorFields, type Log } from '../log.ts';
import type { Catalogue } from '../networks/catalogue.ts';
import type { NetworkOperations } from '../networks/network-operations.ts';
import type { NetworkUsers } from '../networks/network-users.ts';
import type { NetworkReport } from '../operations.ts';
import type { DockerStore } from './docker-store.ts';
import { derivedName, type WantedNetwork, wantedNetwork } from './network-options.ts';
import type { CreateNetwork } from './protocol.ts';

/** Other nodes let go of a network seconds after its last container: so often it is looked whether they have. */
const RETIRE_INTERVAL_MS = 1000;

export interface DockerNetworksModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: DockerStore;
  readonly operations: Pick<NetworkOperations, 'networks' | 'createNetwork' | 'removeNetwork'>;
  readonly catalogue: Pick<Catalogue, 'find' | 'made' | 'remove'>;
  readonly users: NetworkUsers;
  /** The network is not needed here any more. */
  readonly letGo: (network: string) => void;
  readonly self: string;
}

export class DockerNetworks {
  private readonly modules: DockerNetworksModules;
  private timer: Timer | undefined;
  private isStopped = false;

  constructor(modules: DockerNetworksModules) {
    this.modules = modules;
  }

  /** Tells the pool what is used here, and goes on with what was being removed. */
  start(): void {
    const { store, users } = this.modules;
    for (const { network } of store.state.networks) users.set(network, true);
    this.schedule();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  /** Throws `invalid_argument`, `conflict`, and what making a network throws. */
  async create(request: CreateNetwork): Promise<void> {
    const { store, users } = this.modules;
    const wanted = wantedNetwork(request);
    const { name } = (await this.findWanted(wanted)) ?? (await this.make(wanted));
    const id = request.NetworkID;
    await store.change(({ networks, retiring }) => ({
      networks: [...networks.filter(known => known.id !== id), { id, network: name }],
      retiring: retiring.filter(other => other !== name),
    }));
    users.set(name, true);
  }

  /** One that is not known is fine. What weft has made for Docker goes with the last Docker network of the pool that is mapped to it. */
  async delete(id: string): Promise<void> {
    const { letGo, store, users } = this.modules;
    const mapped = store.state.networks.find(network => network.id === id);
    if (mapped === undefined) return;
    const name = mapped.network;
    await store.change(({ networks, retiring }) => {
      const left = networks.filter(network => network.id !== id);
      const isLast = !left.some(({ network }) => network === name);
      return { networks: left, retiring: isLast ? [...retiring, name] : retiring };
    });
    if (store.state.networks.some(({ network }) => network === name)) return;
    users.set(name, false);
    letGo(name);
    await this.retire();
    this.schedule();
  }

  /** The name of weft's network. Throws `not_found`. */
  nameOf(id: string): string {
    const mapped = this.modules.store.state.networks.find(network => network.id === id);
    if (mapped !== undefined) return mapped.network;
    throw new WeftError('not_found', `weft knows nothing of Docker's network ${id.slice(0, 12)}`, {
      hint: 'its state was lost: make it anew with docker network rm and docker network create',
    });
  }

  /** The network that can be used with this name or this subnet. Throws `conflict` if it is not clear which. */
  async find(name: string | undefined, subnet: string): Promise<NetworkReport | undefined> {
    if (name !== undefined) return (await this.usable()).find(network => network.name === name);
    return await this.withSubnet(subnet);
  }

  private async usable(): Promise<readonly NetworkReport[]> {
    return (await this.modules.operations.networks()).filter(({ conflict }) => conflict === null);
  }

  private async withSubnet(subnet: string): Promise<NetworkReport | undefined> {
    const [found, another] = (await this.usable()).filter(
      network => network.subnet === subnet || network.subnet6 === subnet,
    );
    if (another === undefined) return found;
    throw new WeftError('conflict', `networks ${found?.name} and ${another.name} both have ${subnet}`, {
      hint: 'say which is meant: -o network=NAME --ipam-opt network=NAME',
    });
  }

  private async findWanted(wanted: WantedNetwork): Promise<NetworkReport | undefined> {
    const { network: name, vni, subnet = '', isOurs } = wanted;
    if (name === undefined && vni === undefined && !isOurs) {
      throw new WeftError('invalid_argument', 'it is not clear which network of weft this is to be', {
        hint: 'add -o network=NAME, equal on all VMs, since Docker does not tell the name; and mostly --ipam-driver weft',
      });
    }
    const found =
      name !== undefined || vni !== undefined
        ? (await this.usable()).find(network =>
            name === undefined ? network.vni === vni : network.name === name,
          )
        : await this.withSubnet(subnet);
    if (found !== undefined) requireSame(found, wanted);
    return found;
  }

  private async make(wanted: WantedNetwork): Promise<NetworkReport> {
    const { network = derivedName(wanted), vni, subnet, subnet6, attach = 'bridge', mtu = 'auto' } = wanted;
    const { exclude, gateway } = wanted;
    const hasSubnet = subnet !== undefined || subnet6 !== undefined;
    const ipam = hasSubnet ? 'weft' : 'none';
    const request = {
      name: network,
      vni,
      subnet,
      subnet6,
      attach,
      mtu,
      ipam,
      exclude,
      static: [],
      ...(gateway !== undefined && { gateway: true, gatewayAddresses: gateway }),
    } as const;
    return await this.modules.operations.createNetwork(request, 'docker');
  }

  /** Of two that were made at once on two nodes the one that cannot be used goes: everything is mapped to the other one, by its name. */
  tidy(): void {
    const { catalogue, self } = this.modules;
    for (const { definition, conflict } of catalogue.made()) {
      const isOurs = definition.lifetime === 'docker' && definition.createdBy === self;
      if (isOurs && conflict !== undefined && catalogue.find(definition.name) !== undefined)
        catalogue.remove(definition);
    }
  }

  private schedule(): void {
    if (this.isStopped || this.modules.store.state.retiring.length === 0) return;
    this.timer?.cancel();
    this.timer = this.modules.clock.after(RETIRE_INTERVAL_MS, () => {
      this.retire()
        .catch(error => this.modules.log.error(errorFields(error), 'cannot remove a network of Docker'))
        .finally(() => this.schedule());
    });
  }

  /** Removes what Docker has no use for any more, as far as nobody is in it. */
  private async retire(): Promise<void> {
    const { store } = this.modules;
    const done: string[] = [];
    for (const name of store.state.retiring) if (await this.isRetired(name)) done.push(name);
    if (done.length === 0) return;
    await store.change(({ retiring }) => ({ retiring: retiring.filter(name => !done.includes(name)) }));
  }

  private async isRetired(name: string): Promise<boolean> {
    const { catalogue, operations, store, users } = this.modules;
    const isUsed = store.state.networks.some(({ network }) => network === name);
    // The last one to use it removes it.
    if (isUsed || users.others(name).length > 0 || catalogue.find(name)?.lifetime !== 'docker') return true;
    try {
      await operations.removeNetwork({ name });
      // Of two with one name it was the one that cannot be used.
      return catalogue.find(name) === undefined;
    } catch (error) {
      if (!(error instanceof WeftError) || error.code !== 'conflict') throw error;
      return false;
    }
  }
}

/** What is asked for and is not so would be found out by nobody. Throws `conflict`. */
function requireSame(network: NetworkReport, wanted: WantedNetwork): void {
  const { name, mode } = network;
  if (mode !== 'overlay') {
    throw new WeftError(
      'conflict',
      `network ${name} is of mode ${mode}: Docker cannot attach containers to it`,
      {
        hint: 'use a network of mode overlay, or the driver of Docker itself: bridge, macvlan or host',
      },
    );
  }
  for (const key of ['vni', 'attach', 'subnet', 'subnet6'] as const) {
    if (wanted[key] === undefined || wanted[key] === network[key]) continue;
    throw new WeftError(
      'conflict',
      `network ${name} has ${key} ${network[key] ?? 'none'}, not ${wanted[key]}`,
      {
        hint: 'give what it has, or choose another one with -o network=NAME',
      },
    );
  }
  requireSameGateway(network, wanted);
  if (typeof wanted.mtu !== 'number' || wanted.mtu === network.mtu) return;
  throw new WeftError('conflict', `network ${name} has MTU ${network.mtu}, not ${wanted.mtu}`, {
    hint: 'leave -o mtu out',
  });
}

function requireSameGateway({ name, gateway }: NetworkReport, wanted: WantedNetwork): void {
  const has = gateway.length === 0 ? 'no gateway' : `the gateway ${gateway.join(' and ')}`;
  if (wanted.isInternal && gateway.length > 0)
    throw new WeftError('conflict', `network ${name} has ${has}: it is not internal`, {
      hint: 'leave --internal out, or choose another one with -o network=NAME',
    });
  const missing =
    wanted.gateway !== undefined &&
    (gateway.length === 0 || wanted.gateway.some(address => !gateway.includes(address)));
  if (!missing) return;
  const asked = wanted.gateway?.length === 0 ? '' : `, not ${wanted.gateway?.join(' and ')}`;
  throw new WeftError('conflict', `network ${name} has ${has}${asked}`, {
    hint: 'say --gateway as it has it, or choose another one with -o network=NAME',
  });
}
