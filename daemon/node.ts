/**
 * The node: the only file that joins control to dataplane.
 *
 *   gossip events ──► which VTEPs carry a VNI ──► dataplane (known VTEPs, flood lists)
 *   record log ─────► who has which container ──► dataplane (claims)
 *   attach, detach ─► links, ports, fixed MACs ─► dataplane, record log
 *   network create ─► catalogue, board ──────────► who carries what (networks/)
 *   status, fdb …  ◄─ counters and tables ◄────── dataplane, gossip
 *
 * Start order: check the machine, bind the underlay, bind gossip, make the devices, take over endpoints. Each step notes
 * how it is undone; a stop, and a start that fails, undo what was done in reverse.
 */
import type { GossipEvent } from '../control/events.ts';
import { Gossip } from '../control/gossip.ts';
import type { Keyring } from '../control/keyring.ts';
import { systemRandom } from '../control/random.ts';
import { type Tags, weftTags } from '../control/tags.ts';
import { systemClock } from '../dataplane/clock.ts';
import { Dataplane, type DataplaneHandlers } from '../dataplane/dataplane.ts';
import { WeftError } from '../dataplane/errors.ts';
import { OffloadStates } from '../dataplane/offload-states.ts';
import type { OffloadLost } from '../dataplane/offloads.ts';
import { workerCount } from '../dataplane/worker-count.ts';
import type { CniHandler } from './cni/call.ts';
import type { Config } from './config/config.ts';
import { formatHostPort } from './config/host-port.ts';
import { requireUnderlayFits } from './config/semantics.ts';
import { PathService } from './doctor/path/path-service.ts';
import { EndpointStore } from './endpoints/endpoint-store.ts';
import { Endpoints } from './endpoints/endpoints.ts';
import { endpointWiring } from './endpoints/wiring.ts';
import { loadKeyring } from './gossip/key-store.ts';
import { logMember } from './gossip/member-news.ts';
import { PeerStore } from './gossip/peer-store.ts';
import { errorFields, type Log } from './log.ts';
import { Carrier } from './networks/carrier.ts';
import { configOf } from './networks/definition.ts';
import { NetworkSet } from './networks/network-set.ts';
import type { OverlayNetwork } from './networks/overlay-network.ts';
import { PoolNetworks } from './networks/pool-networks.ts';
import { nodeInterfaces } from './node-interfaces.ts';
import type { NodeOperations } from './operations.ts';
import { checkMachine, probeTapOffloads } from './preflight.ts';
import { ClaimKeeper } from './records/claim-keeper.ts';
import { framesSent } from './records/frames-sent.ts';
import { RecordService } from './records/record-service.ts';
import { recordSource } from './records/record-source.ts';
import type { RunningNode } from './running-node.ts';
import { logOffloadLost } from './sender/offload-news.ts';
import { offloadSwitches } from './sender/offload-switches.ts';
import { TunnelSender } from './sender/tunnel-sender.ts';
import { findUnderlay, type Underlay } from './underlay.ts';
import { vtepsOf } from './vtep-directory.ts';

/** Starts a node. Throws WeftError; then nothing is left of what it made. */
export async function startNode(config: Config, log: Log): Promise<RunningNode> {
  checkMachine();
  const underlay = await findUnderlay(config.node.underlay);
  requireUnderlayFits(config, underlay.address);
  const store = new EndpointStore(config.paths.state);
  await store.load();
  const keyring = loadKeyring(config.paths.state, config.gossip);
  const offloads = probeTapOffloads(new OffloadStates(offloadSwitches(config.dataplane)));
  const node = new Node({ log, store, offloads, keyring }, { config, underlay });
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}

interface NodeModules {
  readonly log: Log;
  readonly store: EndpointStore;
  readonly offloads: OffloadStates;
  readonly keyring: Keyring | undefined;
}

interface NodeOptions {
  readonly config: Config;
  readonly underlay: Underlay;
}

class Node implements RunningNode {
  readonly operations: NodeOperations;
  readonly cni: CniHandler;
  readonly fatal: Promise<WeftError>;
  private fail: (error: WeftError) => void = () => {};
  private readonly log: Log;
  private readonly offloads: OffloadStates;
  private readonly config: Config;
  private readonly underlay: Underlay;
  private readonly dataplane: Dataplane;
  private readonly networks: NetworkSet;
  private readonly pool: PoolNetworks;
  private readonly carrier: Carrier;
  /** Those that it carries from the beginning. */
  private readonly planned: readonly OverlayNetwork[];
  private readonly endpoints: Endpoints;
  private readonly gossip: Gossip;
  private readonly records: RecordService;
  private readonly claims: ClaimKeeper;
  private readonly peers: PeerStore;
  private readonly paths: PathService;
  private readonly sender: TunnelSender;
  private readonly undo: (() => Promise<unknown>)[] = [];
  private stopping = false;
  /** Before it, membership is noted by gossip but not yet told to the dataplane, whose networks are still being made. */
  private serving = false;

  constructor({ log, store, offloads, keyring }: NodeModules, { config, underlay }: NodeOptions) {
    this.log = log;
    this.offloads = offloads;
    this.config = config;
    this.underlay = underlay;
    this.fatal = new Promise(resolve => {
      this.fail = resolve;
    });
    const nodeName = config.node.name;
    const vxlanPort = config.vxlan.port;
    const address = underlay.address;
    this.records = new RecordService(
      {
        clock: systemClock,
        random: systemRandom,
        log,
        keyring,
        sendHint: (to, hint) => this.gossip.sendHint(to, hint),
      },
      {
        name: nodeName,
        address,
        stateDirectory: config.paths.state,
        vtep: { address, port: vxlanPort },
        onPost: (...post) => this.pool.onPost(...post),
        onEvent: event => this.claims.onEvent(event),
      },
    );
    const workers = workerCount(config.dataplane.workers);
    const dataplaneHandlers: DataplaneHandlers = {
      portLost: ({ vni, port }) => this.onPortLost(vni, port),
      offloadLost: event => this.onOffloadLost(event),
      probe: arrival => this.paths.onProbe(arrival),
      died: cause => this.fail(new WeftError('system', `the dataplane died: ${cause.message}`, { cause })),
    };
    this.dataplane = new Dataplane({}, { workers }, dataplaneHandlers);
    this.undo.push(() => this.dataplane.close());
    this.paths = new PathService(
      { clock: systemClock, keyring, dataplane: this.dataplane, gossip: () => this.gossip },
      { vtep: { address, port: vxlanPort }, networks: () => this.networks.all() },
    );
    this.undo.push(async () => this.paths.stop());
    const superFrames = { tso: offloads.isAllowed('tap-tso'), uso: offloads.isAllowed('tap-uso') };
    this.networks = new NetworkSet(
      { log, dataplane: this.dataplane, rebuild: (network, make) => this.endpoints.rebuild(network, make) },
      { nodeName, underlay, vxlanPort, superFrames },
    );
    this.pool = new PoolNetworks(
      {
        clock: systemClock,
        random: systemRandom,
        log,
        board: this.records.records,
        gossip: { members: () => this.gossip.members() },
      },
      {
        self: nodeName,
        stateDirectory: config.paths.state,
        configured: config.networks,
        onUsable: network => this.reviewAddresses(network),
      },
    );
    this.planned = this.plan(store);
    this.carrier = new Carrier(
      {
        clock: systemClock,
        log,
        set: this.networks,
        catalogue: this.pool.catalogue,
        endpointsOf: name => this.endpoints.ofNetwork(name).length,
      },
      {
        configured: config.networks.map(({ name }) => name),
        superFrames,
        onCarried: network => this.onCarried(network),
        onDropping: network => this.onDropping(network),
      },
    );
    this.endpoints = new Endpoints({
      clock: systemClock,
      log,
      store,
      wiring: endpointWiring(this.dataplane),
      announcer: this.records.announcer,
      networks: this.carrier,
      addresses: this.pool.ipam,
      nodeName,
      onLinks: links => this.onLinks(links),
    });
    this.peers = new PeerStore({ log }, { stateDirectory: config.paths.state, node: nodeName });
    this.gossip = new Gossip(
      { clock: systemClock, random: systemRandom, log: log.child({ component: 'control' }) },
      {
        name: nodeName,
        address: underlay.address,
        port: config.gossip.port,
        join: config.gossip.join.map(formatHostPort),
        keyring,
        profileName: config.gossip.profile,
        memory: { known: this.peers.load(), save: peers => this.peers.save(peers) },
        ...this.paths.hooks(this.records),
        tags: this.tags(this.planned),
      },
    );
    this.claims = new ClaimKeeper(
      {
        clock: systemClock,
        log,
        records: this.records.records,
        dataplane: this.dataplane,
        endpoints: this.endpoints,
        framesSent: endpoint => framesSent(this.dataplane, endpoint),
      },
      {
        self: nodeName,
        networks: () => this.networks.all(),
        onTelling: () => this.membersChanged(),
        onEpoch: () => this.gossip.setTags(this.tags(this.serving ? undefined : this.planned)),
      },
    );
    this.gossip.onEvent(event => this.onGossip(event));
    this.sender = new TunnelSender(
      { clock: systemClock, log, dataplane: this.dataplane, offloads },
      {
        underlay: underlay.address,
        sender: config.dataplane.sender,
        vteps: () => [...new Set(this.networks.all().flatMap(network => network.vteps))],
        onLost: event => this.onOffloadLost(event),
      },
    );
    const { carrier, dataplane, endpoints, gossip, networks: set, paths, pool, sender } = this;
    const records = recordSource(
      { dataplane, service: this.records, keeper: this.claims },
      { self: nodeName, vnis: () => set.vnis() },
    );
    const parts = { log, carrier, dataplane, endpoints, gossip, offloads, paths, pool, records, sender, set };
    const offered = nodeInterfaces(parts, { underlay: address, config });
    ({ operations: this.operations, cni: this.cni } = offered);
  }

  async start(): Promise<void> {
    await this.openDataplane();
    this.undo.push(() => this.sender.stop());
    await this.sender.start();
    // Addresses that others may have by now are not claimed before that is cleared up.
    this.records.open(
      this.planned.map(({ vni }) => vni),
      this.endpoints.all().filter(({ managed }) => managed !== true || this.pool.wasAlive),
    );
    this.pool.start();
    this.undo.push(async () => this.pool.stop());
    await this.gossip.start();
    this.undo.push(() => this.peers.saved());
    this.undo.push(() => this.gossip.close());
    this.undo.push(() => this.records.stop());
    this.records.start();
    this.pool.startAddresses();
    this.undo.push(() => this.removeNetworks());
    for (const network of this.planned) await this.networks.start(network);
    const removeUnused = () => this.networks.removeUnused(name => this.endpoints.ofNetwork(name).length > 0);
    this.undo.push(removeUnused);
    this.undo.push(() => this.endpoints.stop());
    await this.endpoints.restore();
    this.pool.ipam.reconcile(network => this.endpoints.ofNetwork(network).map(({ hostLink }) => hostLink));
    await removeUnused();
    this.undo.push(() => this.claims.stop());
    await this.claims.start();
    this.records.begin();
    this.pool.begin();
    this.serving = true;
    await this.applyMembers();
    this.undo.push(() => this.gossip.leave());
  }

  /** The configuration's, and those in which an earlier run has left containers. */
  private plan(store: EndpointStore): readonly OverlayNetwork[] {
    const inUse = new Set(store.all().map(({ network }) => network));
    const used = this.pool.catalogue
      .made()
      .filter(({ definition: { name }, conflict }) => conflict === undefined && inUse.has(name))
      .flatMap(({ definition }) => this.networks.planIfFits(configOf(definition)) ?? []);
    return [...this.config.networks.map(network => this.networks.plan(network)), ...used];
  }

  private reviewAddresses(network: string): void {
    if (this.stopping) return;
    this.endpoints
      .reviewAddresses(network)
      .catch(error =>
        this.log.error({ network, ...errorFields(error) }, 'cannot follow the addresses of a network'),
      );
  }

  private async removeNetworks(): Promise<void> {
    this.networks.stop();
    for (const network of this.networks.all().toReversed()) {
      await this.networks.remove(network, { keepDevices: this.endpoints.ofNetwork(network.name).length > 0 });
    }
  }

  private async openDataplane(): Promise<void> {
    const { missing } = await this.dataplane.run('open', {
      underlay: this.underlay.address,
      port: this.config.vxlan.port,
      offloads: this.offloads.allowed,
    });
    for (const offload of missing) this.offloads.missing(offload);
    const states = Object.entries(this.offloads.report()).map(([key, state]) => `${key} ${state}`);
    this.log.info({ component: 'dataplane', offload: states.join(', ') }, 'offloads');
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (let step = this.undo.pop(); step !== undefined; step = this.undo.pop()) {
      // A step that fails must not keep the others from being undone.
      await step().catch(error => this.log.error(errorFields(error), 'cannot undo a step of the start'));
    }
  }

  private onGossip(event: GossipEvent): void {
    if (event.type === 'nameConflict') {
      const message = `the node name ${event.name} is taken in the pool by ${event.address}`;
      this.fail(new WeftError('conflict', message, { hint: 'set node.name to a unique name' }));
      return;
    }
    logMember(this.log, event);
    this.records.memberChanged(event);
    this.membersChanged();
  }

  private membersChanged(): void {
    if (!this.serving || this.stopping) return;
    this.applyMembers().catch(error =>
      this.log.error(errorFields(error), 'cannot tell the dataplane of a member'),
    );
  }

  private tags(carried: readonly OverlayNetwork[] = this.networks.all()): Tags {
    const { underlay, config } = this;
    const vnis = carried.map(({ vni }) => vni);
    return this.records.tagged(weftTags({ vtep: underlay.address, port: config.vxlan.port, vnis }));
  }

  /** A network that was made by command: the first container of it is about to be attached. */
  private async onCarried({ vni }: OverlayNetwork): Promise<void> {
    this.gossip.setTags(this.tags());
    this.records.carry(vni);
    await this.applyMembers();
  }

  private async onDropping(network: OverlayNetwork): Promise<void> {
    this.gossip.setTags(this.tags(this.networks.all().filter(other => other !== network)));
    this.records.records.leave(network.vni);
    await this.claims.reconciler.flush();
  }

  private async applyMembers(): Promise<void> {
    const own = { name: this.config.node.name, underlay: this.underlay.address };
    // Whoever is known to tell what he has, has to be known by it first.
    await this.claims.reconciler.flush();
    for (const network of this.networks.all()) {
      if (this.networks.find(network.name) !== network) continue;
      const { vni } = network;
      await network.setGossipedVteps(vtepsOf(vni, this.gossip.members(), own, this.records.networkLog(vni)));
    }
    this.sender.vtepsChanged();
  }

  /** Traffic goes on without it, and costs more. */
  private onOffloadLost(event: OffloadLost): void {
    if (event.offload === 'tunnel-gso' && event.port !== null) this.sender.injectorLost(event.port);
    logOffloadLost({ log: this.log, offloads: this.offloads }, event);
  }

  private onPortLost(vni: number, port: string): void {
    this.log.warn({ vni, ifname: port }, 'a TAP device was deleted');
    if (this.networks.portLost(port)) return;
    this.endpoints
      .portLost(port)
      .catch(error => this.log.error(errorFields(error), 'cannot clean up after a deleted TAP device'));
  }

  private async onLinks(links: ReadonlySet<string>): Promise<void> {
    this.networks.watch(links);
    await this.carrier.tidy();
  }
}
