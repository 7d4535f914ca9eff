/**
 * The node: the only file that joins control to dataplane.
 *
 *   gossip events ──► which VTEPs carry a VNI ──► dataplane (known VTEPs, flood lists)
 *   record log ─────► who has which container ──► dataplane (claims)
 *   attach, detach ─► links, ports, fixed MACs ─► dataplane, record log
 *   network create ─► catalogue, board ──────────► who carries what (networks/)
 *   record log ─────► who is called what ───────► answers inside of containers (dns/)
 *   status, fdb …  ◄─ counters and tables ◄────── dataplane, gossip
 *
 * Start order: check the machine, bind the underlay, bind gossip, make the devices, take over endpoints and claims; only
 * then is the first frame read (ADR 31). Each step notes how it is undone; a stop, and a start that fails, undo what was done in reverse.
 */
import type { GossipEvent } from '../control/events.ts';
import { Gossip } from '../control/gossip.ts';
import { systemRandom } from '../control/random.ts';
import { systemClock } from '../dataplane/clock.ts';
import type { Dataplane, DataplaneHandlers } from '../dataplane/dataplane.ts';
import { WeftError } from '../dataplane/errors.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import type { CniHandler } from './cni/call.ts';
import type { Config } from './config/config.ts';
import { formatHostPort } from './config/host-port.ts';
import { DnsService } from './dns/dns-service.ts';
import type { DockerHandler, DockerPlugin } from './docker/docker-plugin.ts';
import { PathService } from './doctor/path/path-service.ts';
import { DriftGuard } from './drift/drift-guard.ts';
import { isOverlay } from './endpoints/endpoint.ts';
import { Endpoints } from './endpoints/endpoints.ts';
import { joinedAddresses } from './endpoints/local-addresses.ts';
import type { EndpointAddresses } from './endpoints/managed-attach.ts';
import { endpointWiring } from './endpoints/wiring.ts';
import type { BridgedFrames } from './firewall/bridged-frames.ts';
import type { Firewall } from './firewall/firewall.ts';
import { logMember } from './gossip/member-news.ts';
import { PeerStore } from './gossip/peer-store.ts';
import { addressOwners } from './ipam/address-owners.ts';
import { errorFields, type Log } from './log.ts';
import type { CarriedNetwork } from './networks/carried-network.ts';
import { Carrier } from './networks/carrier.ts';
import { ConfiguredNetworks } from './networks/configured-networks.ts';
import { localServices } from './networks/local-services.ts';
import { nodeReload } from './networks/network-reload.ts';
import { NetworkSet } from './networks/network-set.ts';
import { plannedNetworks } from './networks/planned.ts';
import { PoolNetworks } from './networks/pool-networks.ts';
import { NetworkSharing } from './networks/sharing.ts';
import { nodeInterfaces } from './node-interfaces.ts';
import type { NodeModules, NodeOptions } from './node-options.ts';
import { beginCarrying, openDataplane } from './open-dataplane.ts';
import type { NodeOperations } from './operations.ts';
import { ClaimKeeper } from './records/claim-keeper.ts';
import { Continuity } from './records/continuity.ts';
import { framesSent } from './records/frames-sent.ts';
import { RecordService } from './records/record-service.ts';
import { recordSource } from './records/record-source.ts';
import type { NodeReload } from './reload/apply-changes.ts';
import type { RunningNode } from './running-node.ts';
import { reportOffloadLoss } from './sender/offload-loss.ts';
import { TunnelSender } from './sender/tunnel-sender.ts';
import { StateWatch } from './state-watch.ts';
import type { Underlay } from './underlay.ts';
import { UndoStack } from './undo-stack.ts';

export class Node implements RunningNode {
  readonly operations: NodeOperations;
  readonly cni: CniHandler;
  readonly health: RunningNode['health'];
  readonly docker: DockerHandler;
  readonly reload: NodeReload;
  readonly fatal: Promise<WeftError>;
  /** Takes what the dataplane tells by itself. */
  readonly handlers: Required<DataplaneHandlers>;
  /** Ends it: {@link fatal} resolves. */
  fail: (error: WeftError) => void = () => {};
  readonly log: Log;
  readonly offloads: OffloadStates;
  private readonly config: Config;
  private readonly underlay: Underlay;
  readonly dataplane: Dataplane;
  private readonly networks: NetworkSet;
  private readonly pool: PoolNetworks;
  private readonly sharing: NetworkSharing;
  private readonly carrier: Carrier;
  /** Those that it carries from the beginning. */
  private readonly planned: readonly CarriedNetwork[];
  private readonly endpoints: Endpoints;
  readonly drift: DriftGuard;
  private readonly firewall: Firewall;
  private readonly frames: BridgedFrames;
  private readonly addresses: EndpointAddresses;
  private readonly gossip: Gossip;
  private readonly records: RecordService;
  private readonly claims: ClaimKeeper;
  private readonly continuity: Continuity;
  private readonly modules: NodeModules;
  private readonly dns: DnsService;
  private readonly peers: PeerStore;
  private readonly paths: PathService;
  readonly sender: TunnelSender;
  private readonly plugin: DockerPlugin;
  /** What a stop undoes, the last first. */
  readonly undo: UndoStack;
  private stopping = false;

  constructor(modules: NodeModules, { config, underlay }: NodeOptions) {
    const { log, logCounts, configLoad, store, offloads, keyring, passed } = modules;
    this.undo = new UndoStack({ log });
    this.modules = modules;
    this.log = log;
    this.offloads = offloads;
    this.config = config;
    this.underlay = underlay;
    this.fatal = new Promise(resolve => {
      this.fail = resolve;
    });
    const kept = () => [store, this.peers, this.continuity, this.pool.catalogue];
    const state = new StateWatch({ clock: systemClock, log }, { kept });
    this.undo.push(() => state.stop());
    const configured = new ConfiguredNetworks(config.networks);
    const nodeName = config.node.name;
    const stateDirectory = config.paths.state;
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
        stateDirectory,
        vtep: { address, port: vxlanPort },
        onPost: (...post) => this.pool.onPost(...post),
        onEvent: event => {
          this.continuity.onEvent(event);
          this.claims.onEvent(event);
          this.dns.onEvent(event);
        },
      },
    );
    this.handlers = {
      // While frames are carried for the next process, devices and endpoints are that one's.
      portLost: ({ vni, port }) => this.stopping || this.drift.portLost(vni, port),
      offloadLost: event => reportOffloadLoss(this, event),
      probe: arrival => this.paths.onProbe(arrival),
      died: cause => this.fail(new WeftError('system', `the dataplane died: ${cause.message}`, { cause })),
    };
    this.dataplane = modules.dataplane;
    // Undone last to first: all else has ended when the next process is waited for.
    this.undo.push(() => modules.handOver.done());
    this.undo.push(() => this.dataplane.close());
    this.undo.push(() => modules.handOver.linger(log));
    this.paths = new PathService(
      { clock: systemClock, keyring, dataplane: this.dataplane, gossip: () => this.gossip },
      { vtep: { address, port: vxlanPort }, networks: () => this.networks.overlays() },
    );
    this.undo.push(() => this.paths.stop());
    const superFrames = { tso: offloads.isAllowed('tap-tso'), uso: offloads.isAllowed('tap-uso') };
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
        stateDirectory,
        configured: () => configured.all(),
        onUsable: network => this.reviewAddresses(network),
      },
    );
    const { catalogue } = this.pool;
    const local = localServices(
      { log, catalogue, endpoints: () => store.all() },
      { stateDirectory, configured: () => configured.all(), onRulesRemade: () => this.drift.rulesRemade() },
    );
    this.firewall = local.firewall;
    this.frames = local.frames;
    this.addresses = joinedAddresses(local.addresses, this.pool.ipam);
    this.networks = new NetworkSet(
      {
        log,
        dataplane: this.dataplane,
        rebuild: (network, make) => this.endpoints.rebuild(network, make),
        onRemade: network => this.drift.devicesRemade(network),
        firewall: local.firewall,
        frames: local.frames,
      },
      { nodeName, underlay, vxlanPort, superFrames, passed },
    );
    this.planned = plannedNetworks({ set: this.networks, catalogue, store }, config.networks);
    this.continuity = new Continuity(
      { clock: systemClock, log, records: this.records.records },
      {
        self: nodeName,
        runDirectory: config.paths.run,
        vnis: () => this.networks.vnis(),
        onForgotten: (...claims) => this.claims.forgotten(...claims),
      },
    );
    this.sharing = new NetworkSharing(
      {
        log,
        set: this.networks,
        records: this.records,
        gossip: { members: () => this.gossip.members(), setTags: tags => this.gossip.setTags(tags) },
        withRemembered: (vni, vteps) => this.continuity.withRemembered(vni, vteps),
        flushClaims: () => this.claims.reconciler.flush(),
        vtepsChanged: () => this.sender.vtepsChanged(),
      },
      { name: nodeName, underlay: address, port: vxlanPort, planned: this.planned },
    );
    this.carrier = new Carrier(
      {
        clock: systemClock,
        log,
        set: this.networks,
        catalogue: this.pool.catalogue,
        endpointsOf: name => this.endpoints.ofNetwork(name).length,
      },
      {
        isConfigured: name => configured.has(name),
        superFrames,
        onCarried: network => this.sharing.onCarried(network),
        onDropping: network => this.sharing.onDropping(network),
      },
    );
    this.dns = new DnsService(
      {
        clock: systemClock,
        log,
        records: this.records.records,
        subnetsOf: name => this.networks.subnetsOf(name),
      },
      config.dns,
    );
    const wiring = this.dns.wiring(endpointWiring(this.dataplane));
    this.endpoints = new Endpoints({
      clock: systemClock,
      log,
      store,
      wiring,
      announcer: this.records.announcer,
      networks: this.carrier,
      addresses: this.addresses,
      firewall: this.firewall,
      nodeName,
      passed,
      onLook: () => this.onLook(),
      keeps: endpoint => this.drift.keeps(endpoint),
      onForgotten: () => this.drift.counts.add('namespace'),
    });
    const guarded = { endpoints: this.endpoints, networks: this.networks, firewall: this.firewall };
    this.drift = new DriftGuard({ clock: systemClock, log, store, wiring, ...guarded });
    this.peers = new PeerStore({ log }, { stateDirectory, node: nodeName });
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
        tags: this.sharing.tags(),
      },
    );
    this.claims = new ClaimKeeper(
      {
        clock: systemClock,
        log,
        records: this.records.records,
        claims: this.continuity.claims,
        dataplane: this.dataplane,
        endpoints: this.endpoints,
        framesSent: endpoint => framesSent(this.dataplane, endpoint),
      },
      {
        self: nodeName,
        networks: () => this.networks.overlays(),
        onTelling: () => this.sharing.membersChanged(),
        auditVteps: () => this.sharing.auditVteps(),
        onEpoch: () => this.sharing.retag(),
      },
    );
    this.gossip.onEvent(event => this.onGossip(event));
    this.sender = new TunnelSender(
      { clock: systemClock, log, dataplane: this.dataplane, offloads },
      {
        underlay: underlay.address,
        sender: config.dataplane.sender,
        vteps: () => [...new Set(this.networks.all().flatMap(network => network.vteps))],
        onLost: event => reportOffloadLoss(this, event),
      },
    );
    const { carrier, dataplane, dns, drift, endpoints, gossip, networks: set, paths, pool, sender } = this;
    const { addresses, firewall, frames } = this;
    const records = recordSource(
      { dataplane, service: this.records, keeper: this.claims },
      { self: nodeName, vnis: () => set.vnis() },
    );
    const traffic = { dataplane, firewall, frames, offloads, sender };
    const pooled = { dns, drift, gossip, paths, pool, records, state };
    const attached = { addresses, carrier, configured, endpoints, set };
    const parts = { log, logCounts, configLoad, ...attached, ...traffic, ...pooled };
    const offered = nodeInterfaces(parts, { config, underlay: address });
    const { plugin } = offered;
    this.plugin = plugin;
    const vtepsChanged = () => sender.vtepsChanged();
    this.reload = nodeReload({ ...parts, plugin, vtepsChanged }, { underlay: address });
    this.undo.push(() => offered.release());
    ({ operations: this.operations, cni: this.cni, docker: this.docker, health: this.health } = offered);
  }

  async start(): Promise<void> {
    const { config, endpoints, plugin, underlay } = this;
    await plugin.load();
    const { kept, passed } = this.modules;
    await openDataplane(this, { underlay: underlay.address, port: config.vxlan.port, passed });
    // Addresses that others may have by now are not claimed before that is cleared up.
    this.records.open(
      this.planned.filter(({ isOverlay }) => isOverlay).map(({ vni }) => vni),
      this.endpoints
        .all()
        .filter(endpoint => isOverlay(endpoint) && (endpoint.managed !== true || this.pool.wasAlive)),
    );
    this.pool.start();
    this.undo.push(() => this.pool.stop());
    await this.gossip.start();
    this.undo.push(() => this.peers.saved());
    this.undo.push(() => this.gossip.close());
    this.undo.push(() => this.records.stop());
    this.records.start();
    this.pool.startAddresses();
    const isInUse = (name: string) => this.endpoints.ofNetwork(name).length > 0;
    this.undo.push(() => this.networks.removeAll(isInUse, { keepInUse: kept.keeps }));
    for (const network of this.planned) await this.networks.start(network);
    const removeUnused = () => this.networks.removeUnused(isInUse);
    this.undo.push(removeUnused);
    this.undo.push(() => this.dns.resolvers.stop());
    this.dns.resolvers.start();
    this.undo.push(() => this.endpoints.stop());
    await this.endpoints.restore();
    this.pool.ipam.reconcile(network => addressOwners({ endpoints, plugin }, network));
    this.undo.push(() => this.continuity.stop());
    this.continuity.start();
    this.undo.push(() => this.claims.stop());
    await this.claims.start();
    await this.sharing.begin();
    await beginCarrying(this, this.modules.predecessor);
    this.undo.push(() => this.sender.stop());
    await this.sender.start();
    await removeUnused();
    await this.firewall.begin();
    this.undo.push(() => this.drift.stop());
    this.drift.start();
    this.records.begin();
    this.pool.begin();
    this.undo.push(() => this.plugin.stop());
    this.plugin.start();
    this.undo.push(() => this.leave());
  }

  /** Not where containers go on, and the next process with them: others would send them nothing more. */
  private async leave(): Promise<void> {
    if (this.modules.kept.keeps && this.endpoints.all().length > 0) this.dataplane.keepForNext();
    else await this.gossip.leave();
  }

  private reviewAddresses(network: string): void {
    if (this.stopping) return;
    this.endpoints
      .reviewAddresses(network)
      .catch(error =>
        this.log.error({ network, ...errorFields(error) }, 'cannot follow the addresses of a network'),
      );
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.sharing.stop();
    await this.undo.run();
  }

  private onGossip(event: GossipEvent): void {
    if (event.type === 'nameConflict') {
      const message = `the node name ${event.name} is taken in the pool by ${event.address}`;
      this.fail(new WeftError('conflict', message, { hint: 'set node.name to a unique name' }));
      return;
    }
    logMember(this.log, event);
    this.records.memberChanged(event);
    this.continuity.memberChanged(event);
    this.sharing.membersChanged();
  }

  private async onLook(): Promise<void> {
    this.drift.audit();
    await this.carrier.tidy();
    await this.firewall.look();
    await this.frames.look();
  }
}
