/** Whole pools whose nodes are membership and record log together, over simulated datagrams and streams. */
import { type IpAddress, type MacAddress, parseIp, type Vni } from '../../dataplane/address.ts';
import type { Endpoint } from '../endpoint.ts';
import type { GossipEvent } from '../events.ts';
import { randomInteger } from '../random.ts';
import { POOL_SCOPE } from '../records/board.ts';
import { NO_EPOCH } from '../records/epoch.ts';
import type { RecordEvent } from '../records/events.ts';
import type { OwnEndpoint } from '../records/own-endpoints.ts';
import { PeerTable, recordTag } from '../records/peers.ts';
import { RecordLog } from '../records/record-log.ts';
import type { MemberState } from '../stream.ts';
import { weftTags } from '../tags.ts';
import { Cluster, type SimulatedNode } from './cluster.ts';
import { SimulatedLinks } from './links.ts';
import type { NetworkConditions } from './network.ts';
import { NodeClock } from './node-clock.ts';
import { boardDisagreementsOf, disagreementsOf, membershipDisagreementsOf } from './record-agreement.ts';
import { RecordHistory } from './record-history.ts';

/** The first byte of a hint's datagram here: no type of memberlist's. */
const HINT = 0xf0;

export class RecordNode {
  readonly name: string;
  readonly host: number;
  readonly clock: NodeClock;
  readonly member: SimulatedNode;
  readonly events: { readonly at: number; readonly event: RecordEvent }[] = [];
  log: RecordLog | undefined;
  /** What an operator would say that this node has: VNI to MAC to endpoint. Survives a restart, as containers do. */
  readonly attached = new Map<Vni, Map<MacAddress, OwnEndpoint>>();
  /** What it has posted, and posts again after a restart. */
  readonly posted = new Map<string, Uint8Array>();
  isPaused = false;
  private readonly cluster: RecordCluster;
  private peers = new PeerTable();
  private counter = 0;

  constructor(cluster: RecordCluster, host: number, join: readonly string[]) {
    this.cluster = cluster;
    this.host = host;
    this.name = `n${host}`;
    const { random } = cluster.pool;
    this.clock = new NodeClock(cluster.pool.clock, {
      offset: Math.round(random.next() * 1e9),
      rate: 1 + (random.next() - 0.5) * 2e-4,
    });
    this.member = cluster.pool.add({
      name: this.name,
      host,
      join,
      clock: this.clock,
      forgetsEvents: cluster.forgetsEvents,
      gate: deliver => this.clock.gate(deliver),
      onEvent: event => this.onMember(event),
      onPacket: (from, bytes) => this.onPacket(from, bytes),
    });
  }

  get address(): IpAddress {
    return this.member.endpoint.address;
  }

  get isRunning(): boolean {
    return this.log !== undefined;
  }

  /** `forgetful`: without the counter of its epochs, as after a disk was lost. */
  start({ forgetful = false } = {}): this {
    if (this.isRunning) return this;
    if (forgetful) this.counter = 0;
    // It may still be saying good-bye.
    if (this.member.isRunning) this.member.crash();
    const { pool, links } = this.cluster;
    this.peers = new PeerTable();
    const host = {
      accept: (...args: Parameters<RecordLog['accept']>) => log.accept(...args),
      gate: (callback: () => void) => this.clock.gate(callback),
    };
    const log = new RecordLog(
      {
        clock: this.clock,
        random: pool.random,
        peers: this.peers,
        epochs: {
          load: () => this.counter,
          save: counter => {
            this.counter = counter;
          },
        },
        links: links.attach(this.member, host),
        decode: pool.network.shared.frame,
        hints: {
          sendHint: ({ endpoint }, hint) => {
            pool.network.carry(this.member.endpoint, endpoint, Uint8Array.of(HINT, ...hint));
          },
        },
      },
      { name: this.name, onEvent: event => this.onEvent(event) },
    );
    this.log = log;
    log.joinPool();
    for (const [key, body] of this.posted) log.post(key, body);
    for (const [vni, endpoints] of this.attached) {
      log.join(vni, { address: this.address, port: 4789 });
      for (const endpoint of endpoints.values()) log.attach(vni, endpoint);
    }
    this.record();
    this.member.start({ tags: this.tags() });
    log.start();
    return this;
  }

  /** `machine`: the host itself is gone, and does not close its connections. */
  crash({ machine = false } = {}): void {
    if (!this.isRunning) return;
    this.record();
    this.cluster.history.forgetObserver(this.name, this.cluster.scopes);
    this.log?.stop();
    this.log = undefined;
    this.cluster.links.detach(this.member, { silently: machine });
    this.member.crash();
  }

  /** Its containers go with it. */
  leave(): void {
    this.member.leave();
    this.log?.stop();
    this.log = undefined;
    this.cluster.history.forgetObserver(this.name, this.cluster.scopes);
    this.cluster.links.detach(this.member);
    this.attached.clear();
    this.posted.clear();
  }

  pause(): void {
    this.isPaused = true;
    this.clock.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.clock.resume();
  }

  join(vni: Vni): void {
    if (this.attached.has(vni)) return;
    this.attached.set(vni, new Map());
    this.log?.join(vni, { address: this.address, port: 4789 });
    this.changed();
  }

  leaveNetwork(vni: Vni): void {
    this.attached.delete(vni);
    this.log?.leave(vni);
    this.cluster.history.forgetObserver(this.name, [vni]);
    this.changed();
  }

  attach(vni: Vni, mac: MacAddress, ips: readonly IpAddress[] = []): void {
    const containerId = `c${++this.cluster.containers}`;
    const endpoint = { mac, ips, interface: 'eth0', containerId };
    this.join(vni);
    this.attached.get(vni)?.set(mac, endpoint);
    this.log?.attach(vni, endpoint);
    this.record();
  }

  detach(vni: Vni, mac: MacAddress): void {
    this.attached.get(vni)?.delete(mac);
    this.log?.detach(vni, mac);
    this.record();
  }

  /** Members in one of these states, itself included. */
  known(states: readonly MemberState[]): ReadonlySet<string> {
    const members = this.member.members().filter(({ state }) => states.includes(state));
    return new Set([this.name, ...members.map(({ name }) => name)]);
  }

  post(key: string, body: Uint8Array | undefined): void {
    if (body === undefined) this.posted.delete(key);
    else this.posted.set(key, body);
    this.log?.post(key, body);
    this.record();
  }

  /** What was written to our logs since is known to the history. */
  record(): void {
    for (const vni of this.cluster.scopes) {
      if (this.log !== undefined) this.cluster.history.wrote(this.log.ownLog(vni));
    }
  }

  private changed(): void {
    this.record();
    if (this.isRunning) this.member.setTags(this.tags());
  }

  private tags(): ReturnType<typeof weftTags> {
    const tags = new Map(weftTags({ vtep: this.address, port: 4789, vnis: [...this.attached.keys()] }));
    return tags.set(...recordTag(this.log?.epoch ?? NO_EPOCH));
  }

  private onMember(event: GossipEvent): void {
    if (event.type === 'nameConflict') this.crash();
    else {
      this.peers.take(event);
      this.log?.memberChanged(event);
    }
  }

  private onEvent(event: RecordEvent): void {
    this.cluster.onRecordEvent(this, event);
    if (!this.cluster.forgetsEvents) this.events.push({ at: this.cluster.pool.clock.now(), event });
    if (event.type === 'epochRaised') this.pendingTags();
  }

  /** The log must not be called back from its own event. */
  private pendingTags(): void {
    this.clock.after(0, () => this.changed());
  }

  private onPacket(from: Endpoint, bytes: Uint8Array): boolean {
    if (bytes[0] !== HINT) return false;
    const sender = this.cluster.nodeAt(from.address);
    if (sender !== undefined) this.log?.receiveHint(sender.name, bytes.subarray(1));
    return true;
  }
}

export interface RecordClusterOptions {
  readonly seed: number;
  readonly conditions?: Partial<NetworkConditions>;
  readonly vnis?: readonly Vni[];
  /** Nodes keep no events: there are millions of them in a large pool. */
  readonly forgetsEvents?: boolean;
}

export class RecordCluster {
  readonly pool: Cluster;
  readonly links: SimulatedLinks;
  readonly nodes: RecordNode[] = [];
  readonly vnis: readonly Vni[];
  /** These, and that of the pool. */
  readonly scopes: readonly Vni[];
  readonly history = new RecordHistory();
  readonly forgetsEvents: boolean;
  containers = 0;
  private readonly byAddress = new Map<IpAddress, RecordNode>();
  onRecordEvent: (node: RecordNode, event: RecordEvent) => void = () => {};

  constructor({ vnis = [42 as Vni], forgetsEvents = false, ...options }: RecordClusterOptions) {
    this.forgetsEvents = forgetsEvents;
    this.pool = new Cluster(options);
    this.links = new SimulatedLinks(this.pool);
    this.vnis = vnis;
    this.scopes = [POOL_SCOPE, ...vnis];
  }

  /** Nodes n1 … that join the first two; none is started yet. */
  addNodes(count: number): void {
    for (let index = 0; index < count; index++) {
      const node = new RecordNode(this, this.nodes.length + 1, ['10.0.0.1', '10.0.0.2']);
      this.nodes.push(node);
      this.byAddress.set(node.address, node);
    }
  }

  nodeAt(address: IpAddress): RecordNode | undefined {
    return this.byAddress.get(address);
  }

  get running(): readonly RecordNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  run(ms: number): void {
    this.pool.run(ms);
  }

  runUntil(condition: () => boolean, ms: number, step = 250): number | undefined {
    return this.pool.runUntil(condition, ms, step);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[randomInteger(this.pool.random, items.length)];
  }

  /**
   * What running nodes are wrong about, at most a few lines. Each must show, of each network that it carries, exactly what is
   * attached at running nodes, at the right VTEP, and hold the same logs as all others. Empty: converged. Where packets are lost, somebody
   * is suspected now and then, which is no mistake once all have agreed.
   */
  disagreements(suspicion: 'wrong' | 'right' = 'wrong'): string[] {
    const { running } = this;
    const networks = this.vnis.flatMap(vni =>
      disagreementsOf(
        vni,
        running.filter(({ attached }) => attached.has(vni)),
      ),
    );
    const membership = membershipDisagreementsOf(running, suspicion);
    return [...membership, ...boardDisagreementsOf(running), ...networks];
  }

  /** Breaches of what must hold at any time: see {@link RecordHistory.check}. */
  audit(): void {
    for (const node of this.running) node.record();
    for (const node of this.running) {
      for (const vni of this.scopes) {
        for (const log of node.log?.logs(vni) ?? []) this.history.check(node.name, log);
      }
    }
  }
}

/** A MAC and an IP address for a number. */
export function stationOf(number: number): { readonly mac: MacAddress; readonly ip: IpAddress } {
  return {
    mac: (0x0200_0000_0000 + number) as MacAddress,
    ip: parseIp(`198.18.${(number >> 8) & 0xff}.${number & 0xff}`),
  };
}
