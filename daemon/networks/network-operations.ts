/** What operators do with networks as objects: make, remove, look at. */
import { randomBytes } from 'node:crypto';
import type { Gossip } from '../../control/gossip.ts';
import type { IpamView } from '../../control/ipam/view.ts';
import { isUp } from '../../control/members.ts';
import { type Random, randomInteger } from '../../control/random.ts';
import { parseWeftTags } from '../../control/tags.ts';
import { parseIp, parseVni, type Vni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { NetworkConfig } from '../config/config.ts';
import type { Endpoints } from '../endpoints/endpoints.ts';
import type { IpamReport, NetworkCreateRequest, NetworkReport, NodeOperations } from '../operations.ts';
import type { CarriedNetwork } from './carried-network.ts';
import type { Catalogue, MadeNetwork } from './catalogue.ts';
import { configOf, type NetworkDefinition } from './definition.ts';
import { gatewayAddresses, ownGateway } from './gateway.ts';
import type { NetworkSet } from './network-set.ts';
import { noNetwork } from './no-network.ts';
import type { PoolNetworks } from './pool-networks.ts';

/** VNIs that nobody chose are drawn from here up: those that people and other systems choose are mostly below. */
const FIRST_DRAWN_VNI = 0x10_0000;
const LAST_DRAWN_VNI = 0xff_ffff;

export interface NetworkOperationsModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly catalogue: Pick<Catalogue, 'remove' | 'made' | 'vnis'>;
  readonly pool: Pick<PoolNetworks, 'create' | 'ipam'>;
  readonly set: Pick<NetworkSet, 'all' | 'find' | 'plan'>;
  readonly endpoints: Pick<Endpoints, 'ofNetwork'>;
  readonly gossip: Pick<Gossip, 'members'>;
}

export interface NetworkOperationsOptions {
  readonly self: string;
  readonly configured: () => readonly NetworkConfig[];
}

export interface NetworkOperations
  extends Pick<NodeOperations, 'networks' | 'removeNetwork' | 'ipam' | 'forget'> {
  /** As {@link NodeOperations.createNetwork}; `lifetime` as in {@link NetworkDefinition}. */
  createNetwork(
    request: NetworkCreateRequest,
    lifetime?: NetworkDefinition['lifetime'],
  ): Promise<NetworkReport>;
}

export function networkOperations(
  modules: NetworkOperationsModules,
  options: NetworkOperationsOptions,
): NetworkOperations {
  const { catalogue, clock, endpoints, pool, set } = modules;

  const reportOf = (network: CarriedNetwork, made: MadeNetwork | undefined): NetworkReport => {
    const { name, config, mtu, vteps } = network;
    const { vni, subnet = null, subnet6 = null, mode, attach, parent = null } = config;
    const ipam = config.ipam !== undefined || mode === 'bridge' ? 'weft' : 'none';
    return {
      name,
      vni,
      mtu,
      endpoints: endpoints.ofNetwork(name).length,
      subnet,
      subnet6,
      mode,
      attach,
      gateway: gatewayAddresses(config),
      gateway_mac: ownGateway(config)?.mac ?? null,
      parent,
      macvlan_mode: mode === 'macvlan' ? config.macvlanMode : null,
      ipam,
      vteps,
      carried: set.find(name) === network,
      source: made === undefined ? 'config' : 'created',
      created_by: made?.definition.createdBy ?? null,
      conflict: made?.conflict ?? null,
    };
  };

  const networks = (): readonly NetworkReport[] => {
    const configured = options.configured().flatMap(({ name }) => set.find(name) ?? []);
    const made = catalogue.made().map(network => {
      const { definition, conflict } = network;
      const there = set.find(definition.name);
      const carried = conflict === undefined && there?.vni === definition.vni ? there : undefined;
      return reportOf(carried ?? planned(definition), network);
    });
    return [...configured.map(network => reportOf(network, undefined)), ...made];
  };

  /** One that does not fit the underlay of this VM is still to be seen: with the MTU that it would have. */
  const planned = (definition: NetworkDefinition): CarriedNetwork => {
    try {
      return set.plan(configOf(definition));
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      return set.plan({ ...configOf(definition), mtu: 'auto' });
    }
  };

  return {
    async networks() {
      return networks();
    },

    async createNetwork(request, lifetime) {
      const vni = request.vni === undefined ? drawVni(modules) : parseVni(request.vni);
      const drawn = definitionOf(request, vni, options.self, clock.wallTime());
      const definition = lifetime === undefined ? drawn : { ...drawn, lifetime };
      // Throws here and now what would be refused at the first container.
      set.plan(configOf(definition));
      await pool.create(definition);
      const made = networks().find(({ name, source }) => name === request.name && source === 'created');
      if (made === undefined) throw new Error('a network was made and is not there');
      return made;
    },

    async removeNetwork({ name }) {
      const definition = madeNamed(name, catalogue.made(), networks());
      if (definition === undefined) return { removed: false };
      const own = endpoints.ofNetwork(name).filter(({ vni }) => vni === definition.vni).length;
      // Of two with one VNI it cannot be told which of them others carry.
      const isAlone = networks().filter(({ vni }) => vni === definition.vni).length === 1;
      refuseInUse(definition, own, isAlone ? carriersOf(modules.gossip, definition.vni, options.self) : []);
      catalogue.remove(definition);
      return { removed: true };
    },

    async ipam() {
      return pool.ipam.views().map(({ network, view }) => ipamReport(network, view));
    },

    async forget({ node }) {
      return { networks: await pool.ipam.forget(node) };
    },
  };
}

function definitionOf(request: NetworkCreateRequest, vni: Vni, self: string, now: number): NetworkDefinition {
  const { mode = 'overlay', gateway = false, gatewayAddresses: given = [] } = request;
  return {
    id: randomBytes(8).toString('hex'),
    name: request.name,
    vni,
    subnet: request.subnet ?? null,
    subnet6: request.subnet6 ?? null,
    mode,
    attach: request.attach,
    // As it is now, so that all nodes have the same whatever their version takes for the first.
    gateway: [...gatewayAddresses({ ...request, mode, gateway, gatewayAddresses: given.map(parseIp) })],
    parent: request.parent ?? null,
    macvlanMode: request.macvlanMode ?? 'bridge',
    ipam: request.ipam ?? (request.subnet === undefined && request.subnet6 === undefined ? 'none' : 'weft'),
    exclude: [...request.exclude],
    static: [...request.static],
    mtu: request.mtu,
    createdBy: self,
    createdAt: Math.max(0, Math.round(now)),
    version: 1,
    removedAt: null,
  };
}

function ipamReport(network: string, view: IpamView): IpamReport {
  return {
    network,
    fenced: view.isFenced,
    voters: view.voters,
    reachable: view.reachable,
    decided: view.decided,
    waiting_for: view.waitingFor,
    spaces: view.spaces.map(space => ({ ...space, unowned: String(space.unowned) })),
  };
}

function drawVni({ catalogue, random }: NetworkOperationsModules): Vni {
  const taken = catalogue.vnis();
  for (;;) {
    const vni = FIRST_DRAWN_VNI + randomInteger(random, LAST_DRAWN_VNI - FIRST_DRAWN_VNI + 1);
    if (!taken.has(vni)) return parseVni(vni);
  }
}

/** The definition to remove; undefined if there is no such network. Throws `conflict` for one of the configuration. */
function madeNamed(
  name: string,
  made: readonly MadeNetwork[],
  known: readonly NetworkReport[],
): NetworkDefinition | undefined {
  // Of two with one name the one that cannot be used is in the way.
  const named = made.filter(({ definition }) => definition.name === name);
  const chosen = named.find(({ conflict }) => conflict !== undefined) ?? named[0];
  if (chosen === undefined && known.some(network => network.name === name)) {
    throw new WeftError('conflict', `network "${name}" stands in the configuration of this node`, {
      hint: 'take it out there: weft config apply FILE',
    });
  }
  return chosen?.definition;
}

/** Throws `conflict`. */
function refuseInUse({ name }: NetworkDefinition, own: number, others: readonly string[]): void {
  if (own === 0 && others.length === 0) return;
  const where = own > 0 ? `this node has ${own} container(s) in it` : `carried by ${others.join(', ')}`;
  throw new WeftError('conflict', `network "${name}" is in use: ${where}`, {
    hint: 'detach its containers first: weft endpoints tells which; a node lets go of a network half a minute after the last one',
  });
}

/** Other nodes that have containers in a network that was made by command. */
function carriersOf(gossip: Pick<Gossip, 'members'>, vni: number, self: string): string[] {
  return gossip.members().flatMap(({ name, state, tags }) => {
    const carries = isUp(state) && name !== self && vnisOf(tags).some(other => other === vni);
    return carries ? [name] : [];
  });
}

function vnisOf(tags: Parameters<typeof parseWeftTags>[0]): readonly Vni[] {
  try {
    return parseWeftTags(tags)?.vnis ?? [];
  } catch (error) {
    if (error instanceof WeftError) return [];
    throw error;
  }
}

/** Throws `not_found`. */
export function requireNetwork(networks: readonly NetworkReport[], name: string): NetworkReport {
  const network = networks.find(candidate => candidate.name === name);
  if (network !== undefined) return network;
  throw noNetwork(
    name,
    networks.map(candidate => candidate.name),
  );
}
