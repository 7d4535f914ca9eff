/**
 * The node: the only file that joins control to dataplane.
 *
 *   gossip events ──► which VTEPs carry a VNI ──► dataplane (known VTEPs, flood lists)
 *   record log ─────► who has which container ──► dataplane (claims)
 *   attach, detach ─► links, ports, fixed MACs ─► dataplane, record log
 *   status, fdb …  ◄─ counters and tables ◄────── dataplane, gossip
 *
 * Start order: check the machine, bind the underlay, bind gossip, make the devices, take over endpoints. Each step notes
 * how it is undone; a stop, and a start that fails, undo what was done in reverse.
 */
import type { GossipEvent, MemberEvent, MemberEventType } from '../control/events.ts';
import { Gossip } from '../control/gossip.ts';
import type { Keyring } from '../control/keyring.ts';
import { systemRandom } from '../control/random.ts';
import { type Tags, weftTags } from '../control/tags.ts';
import { ipFamily, parseVni } from '../dataplane/address.ts';
import { systemClock } from '../dataplane/clock.ts';
import { Dataplane, type DataplaneHandlers } from '../dataplane/dataplane.ts';
import { WeftError } from '../dataplane/errors.ts';
import { OffloadStates } from '../dataplane/offload-states.ts';
import type { OffloadLost } from '../dataplane/offloads.ts';
import { workerCount } from '../dataplane/worker-count.ts';
import type { Config } from './config/config.ts';
import { formatHostPort } from './config/host-port.ts';
import { requireUnderlayFits } from './config/semantics.ts';
import { EndpointStore } from './endpoints/endpoint-store.ts';
import { Endpoints } from './endpoints/endpoints.ts';
import { bridgeTapName } from './endpoints/names.ts';
import { endpointWiring } from './endpoints/wiring.ts';
import { loadKeyring } from './gossip/key-store.ts';
import { PeerStore } from './gossip/peer-store.ts';
import { errorFields, type Log } from './log.ts';
import { removeUnusedBridges } from './net/network-devices.ts';
import { nodeOperations } from './node-operations.ts';
import type { NodeOperations } from './operations.ts';
import { OverlayNetwork } from './overlay-network.ts';
import { checkMachine, probeTapOffloads } from './preflight.ts';
import { ClaimKeeper } from './records/claim-keeper.ts';
import { framesSent } from './records/frames-sent.ts';
import { RecordService } from './records/record-service.ts';
import { recordSource } from './records/record-source.ts';
import type { RunningNode } from './running-node.ts';
import { offloadSwitches } from './sender/offload-switches.ts';
import { TunnelSender } from './sender/tunnel-sender.ts';
import { findUnderlay, networkMtu, type Underlay } from './underlay.ts';
import { vtepsOf } from './vtep-directory.ts';

/** Starts a node. Throws WeftError; then nothing is left of what it made. */
export async function startNode(config: Config, log: Log): Promise<RunningNode> {
  checkMachine();
  const underlay = await findUnderlay(config.node.underlay);
  requireUnderlayFits(config, underlay.address);
  const mtus = config.networks.map(({ name, mtu }) => networkMtu(name, mtu, underlay));
  const store = new EndpointStore(config.paths.state);
  await store.load();
  const keyring = loadKeyring(config.paths.state, config.gossip);
  const offloads = probeTapOffloads(new OffloadStates(offloadSwitches(config.dataplane)));
  const node = new Node({ log, store, offloads, keyring }, { config, underlay, mtus });
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
  /** MTU of each network, in the order of the configuration. */
  readonly mtus: readonly number[];
}

class Node implements RunningNode {
  readonly operations: NodeOperations;
  readonly fatal: Promise<WeftError>;
  private fail: (error: WeftError) => void = () => {};
  private readonly log: Log;
  private readonly offloads: OffloadStates;
  private readonly config: Config;
  private readonly underlay: Underlay;
  private readonly dataplane: Dataplane;
  private readonly networks: readonly OverlayNetwork[];
  private readonly endpoints: Endpoints;
  private readonly gossip: Gossip;
  private readonly records: RecordService;
  private readonly claims: ClaimKeeper;
  private readonly peers: PeerStore;
  private readonly sender: TunnelSender;
  private readonly undo: (() => Promise<unknown>)[] = [];
  private readonly repairing = new Set<OverlayNetwork>();
  private stopping = false;
  /** Before it, membership is noted by gossip but not yet told to the dataplane, whose networks are still being made. */
  private serving = false;

  constructor({ log, store, offloads, keyring }: NodeModules, { config, underlay, mtus }: NodeOptions) {
    this.log = log;
    this.offloads = offloads;
    this.config = config;
    this.underlay = underlay;
    this.fatal = new Promise(resolve => {
      this.fail = resolve;
    });
    const nodeName = config.node.name;
    const vxlanPort = config.vxlan.port;
    const vnis = config.networks.map(({ vni }) => parseVni(vni));
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
        vnis,
        vtep: { address, port: vxlanPort },
        onEvent: event => this.claims.onEvent(event),
      },
    );
    const workers = workerCount(config.dataplane.workers);
    const dataplaneHandlers: DataplaneHandlers = {
      portLost: ({ vni, port }) => this.onPortLost(vni, port),
      offloadLost: event => this.onOffloadLost(event),
      died: cause => this.fail(new WeftError('system', `the dataplane died: ${cause.message}`, { cause })),
    };
    this.dataplane = new Dataplane({}, { workers }, dataplaneHandlers);
    this.undo.push(() => this.dataplane.close());
    const underlayFamily = ipFamily(address);
    const superFrames = { tso: offloads.isAllowed('tap-tso'), uso: offloads.isAllowed('tap-uso') };
    this.networks = config.networks.map(
      (network, i) =>
        new OverlayNetwork(
          { dataplane: this.dataplane },
          {
            config: network,
            mtu: mtus[i] ?? underlay.innerMtu,
            nodeName,
            vxlanPort,
            underlayFamily,
            superFrames,
          },
        ),
    );
    this.endpoints = new Endpoints({
      clock: systemClock,
      log,
      store,
      wiring: endpointWiring(this.dataplane),
      announcer: this.records.announcer,
      networks: this.networks.map(({ config: network, mtu, gsoMaxSegs }) => ({
        ...network,
        mtu,
        gsoMaxSegs,
        superFrames,
      })),
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
        takeLink: (socket, head) => this.records.takeLink(socket, head),
        takeHint: (from, hint) => this.records.takeHint(from, hint),
        tags: this.tags(),
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
        networks: this.networks,
        onTelling: () => this.membersChanged(),
        onEpoch: () => this.gossip.setTags(this.tags()),
      },
    );
    this.gossip.onEvent(event => this.onGossip(event));
    this.sender = new TunnelSender(
      { clock: systemClock, log, dataplane: this.dataplane, offloads },
      {
        underlay: underlay.address,
        sender: config.dataplane.sender,
        vteps: () => [...new Set(this.networks.flatMap(network => network.vteps))],
        onLost: event => this.onOffloadLost(event),
      },
    );
    const { dataplane, networks, endpoints, gossip, sender } = this;
    const parts = { dataplane, networks, endpoints, gossip, offloads, sender };
    const modules = { dataplane, service: this.records, keeper: this.claims };
    this.operations = nodeOperations({
      ...parts,
      records: recordSource(modules, { self: nodeName, vnis }),
      clock: systemClock,
      name: nodeName,
      underlay: underlay.address,
    });
  }

  async start(): Promise<void> {
    await this.openDataplane();
    this.undo.push(() => this.sender.stop());
    await this.sender.start();
    this.records.open(this.endpoints.all());
    await this.gossip.start();
    this.undo.push(() => this.peers.saved());
    this.undo.push(() => this.gossip.close());
    this.undo.push(() => this.records.stop());
    this.records.start();
    for (const network of this.networks) {
      this.undo.push(() => network.stop({ keepDevices: this.endpoints.ofNetwork(network.name).length > 0 }));
      await network.start();
    }
    this.undo.push(() => this.removeUnusedBridges());
    this.undo.push(() => this.endpoints.stop());
    await this.endpoints.restore();
    await this.removeUnusedBridges();
    this.undo.push(() => this.claims.stop());
    await this.claims.start();
    this.records.begin();
    this.serving = true;
    await this.applyMembers();
    this.undo.push(() => this.gossip.leave());
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

  private tags(): Tags {
    const { networks, vxlan } = this.config;
    const vnis = networks.map(({ vni }) => vni);
    return this.records.tagged(weftTags({ vtep: this.underlay.address, port: vxlan.port, vnis }));
  }

  private async applyMembers(): Promise<void> {
    const own = { name: this.config.node.name, underlay: this.underlay.address };
    const { records } = this.records;
    // Whoever is known to tell what he has, has to be known by it first.
    await this.claims.reconciler.flush();
    for (const network of this.networks) {
      const tells = (origin: string) => records.tells(network.vni, origin);
      await network.setGossipedVteps(vtepsOf(network.vni, this.gossip.members(), own, tells));
    }
    this.sender.vtepsChanged();
  }

  /** Traffic goes on without it, and costs more. */
  private onOffloadLost({ offload, port, vni, errno }: OffloadLost): void {
    if (offload === 'tunnel-gso' && port !== null) this.sender.injectorLost(port);
    const where = { vni: vni ?? undefined, ifname: port ?? undefined };
    const fields = { component: 'dataplane', offload, ...where, errno } as const;
    // One line for the operator; what one port has met, the others will meet too.
    if (this.offloads.lost(offload)) {
      const event = 'offload_lost';
      this.log.warn({ ...fields, event }, 'the kernel refuses an offload: not used any more');
    } else {
      this.log.debug(fields, 'the kernel refuses an offload on one more port');
    }
  }

  private onPortLost(vni: number, port: string): void {
    this.log.warn({ vni, ifname: port }, 'a TAP device was deleted');
    const network = this.networks.find(({ name }) => bridgeTapName(name) === port);
    if (network !== undefined) {
      this.repair(network);
      return;
    }
    this.endpoints
      .portLost(port)
      .catch(error => this.log.error(errorFields(error), 'cannot clean up after a deleted TAP device'));
  }

  /** Looks after the devices that no descriptor tells us of: a bridge that somebody deleted. */
  private onLinks(links: ReadonlySet<string>): void {
    for (const network of this.networks) {
      if (network.devices.some(name => !links.has(name))) this.repair(network);
    }
  }

  /** Makes the devices of a network again. What fails is tried again when the links are looked at next. */
  private repair(network: OverlayNetwork): void {
    if (this.stopping || this.repairing.has(network)) return;
    this.repairing.add(network);
    const { name } = network;
    this.endpoints
      .rebuild(name, () => network.remakeDevices())
      .then(
        () => this.log.warn({ network: name }, 'made the devices of the network again'),
        error => this.log.error({ network: name, ...errorFields(error) }, 'cannot make the devices again'),
      )
      .finally(() => this.repairing.delete(network));
  }

  /** Bridges of networks that left the configuration, once no container is on them. */
  private async removeUnusedBridges(): Promise<void> {
    const configured = new Set(this.networks.map(({ name }) => name));
    const removed = await removeUnusedBridges(
      name => configured.has(name) || this.endpoints.ofNetwork(name).length > 0,
    );
    for (const network of removed)
      this.log.info({ network }, 'removed the bridge of a network that is no more');
  }
}

const MEMBER_NEWS: Readonly<Record<MemberEventType, string>> = {
  memberUp: 'peer is alive',
  memberUpdated: 'peer has changed what it says of itself',
  memberSuspect: 'peer does not answer',
  memberDown: 'peer is dead',
  memberLeft: 'peer has left',
  memberReaped: 'peer is forgotten',
};

function logMember(log: Log, { type, member }: MemberEvent): void {
  const fields = { peer: member.name, address: member.address, state: member.state };
  if (type === 'memberDown' || type === 'memberSuspect') log.warn(fields, MEMBER_NEWS[type]);
  else log.info(fields, MEMBER_NEWS[type]);
}
