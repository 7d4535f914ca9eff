/** Whole pools in one process: the same core as on sockets, on a manual clock and a simulated network. */
import { ipFromBytes } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { type GossipProfile, LAN_PROFILE } from '../constants.ts';
import { Counters } from '../counters.ts';
import { type Endpoint, parseJoinTarget } from '../endpoint.ts';
import type { GossipEvent, GossipMember } from '../events.ts';
import type { Keyring } from '../keyring.ts';
import type { Log } from '../log.ts';
import type { LoopDelay } from '../loop-delay.ts';
import type { MemberTable } from '../member-table.ts';
import { PeerMemory, type RememberedPeer } from '../peer-memory.ts';
import { type Random, seededRandom } from '../random.ts';
import { Swim } from '../swim.ts';
import { encodeTags, type Tags } from '../tags.ts';
import { Wire } from '../wire.ts';
import { type NetworkConditions, SimulatedNetwork } from './network.ts';
import { PausableClock } from './pausable-clock.ts';

const PORT = 7946;

/** What the receive buffer of a socket holds, at 500 bytes each in 2 MiB. */
const SOCKET_DATAGRAMS = 4000;

export interface NodeSettings {
  readonly name: string;
  /** The last two bytes of its address: 10.0.h.l. Default: its number in the cluster. */
  readonly host?: number;
  /** Addresses or names, as in the config. */
  readonly join?: readonly string[];
  readonly tags?: Tags;
  /** It remembers where members were, also across restarts. */
  readonly remembers?: boolean;
  /** Everything it says is sealed with it. */
  readonly keyring?: Keyring;
  /** Its own clock. Default: the cluster's. */
  readonly clock?: Clock;
  /** How late it finds itself. Default: never. */
  readonly loopDelay?: LoopDelay;
  /** Keeps no events: a pool of a thousand has a million of them before it is complete. */
  readonly forgetsEvents?: boolean;
  /** Called on each event of membership. */
  readonly onEvent?: (event: GossipEvent) => void;
  /** Sees each datagram before membership does; returns whether to keep it from it. */
  readonly onPacket?: (from: Endpoint, bytes: Uint8Array) => boolean;
  /** Delivers what arrives when the node is awake. Default: at once. */
  readonly gate?: (deliver: () => void) => void;
}

export interface LoggedLine {
  readonly level: keyof Log;
  readonly message: string;
  readonly fields: object;
}

export interface StartOptions {
  /** What a node that keeps its state would start with. */
  readonly incarnation?: number;
  /** Others than in its settings. */
  readonly tags?: Tags;
  /** Whom it knows, and when it exchanges that first: of a node that has been in its pool for a while. */
  readonly table?: MemberTable;
  readonly firstPushPull?: number;
}

/** One simulated node, through crashes and restarts. */
export class SimulatedNode {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly events: GossipEvent[] = [];
  readonly logged: LoggedLine[] = [];
  counters = new Counters();
  private readonly cluster: Cluster;
  private readonly settings: NodeSettings;
  /** Its peers.json. */
  private peers: readonly RememberedPeer[] = [];
  private memory: PeerMemory | undefined;
  private swim: Swim | undefined;
  private clock: PausableClock | undefined;
  /** What arrived while the process was stopped: the socket has it. */
  private readonly unread: (() => void)[] = [];

  constructor(cluster: Cluster, settings: NodeSettings, host: number) {
    this.cluster = cluster;
    this.settings = settings;
    this.name = settings.name;
    this.endpoint = { address: ipFromBytes(Uint8Array.of(10, 0, host >> 8, host & 0xff)), port: PORT };
  }

  get isRunning(): boolean {
    return this.swim !== undefined;
  }

  get incarnation(): number {
    return this.swim?.self().incarnation ?? 0;
  }

  start({ tags, table, ...options }: StartOptions = {}): this {
    const { network, random, profile } = this.cluster;
    const { gate = (deliver: () => void) => deliver(), onPacket } = this.settings;
    const clock = new PausableClock(this.settings.clock ?? this.cluster.clock);
    this.clock = clock;
    this.unread.length = 0;
    this.counters = new Counters();
    const receive = (from: Endpoint, bytes: Uint8Array): void =>
      gate(() => {
        if (onPacket?.(from, bytes) !== true) swim.receivePacket(from, bytes);
      });
    const host = {
      receivePacket: (from: Endpoint, bytes: Uint8Array) => {
        if (!clock.paused) receive(from, bytes);
        else if (this.unread.length < SOCKET_DATAGRAMS) this.unread.push(() => receive(from, bytes));
      },
      answerStream: (...args: Parameters<Swim['answerStream']>) =>
        clock.paused ? undefined : swim.answerStream(...args),
      wire: this.settings.keyring && new Wire(this.settings),
    };
    network.attach(this.endpoint, host);
    const port = network.portOf(this.endpoint, host);
    const save = (peers: readonly RememberedPeer[]): void => {
      this.peers = peers;
    };
    // In a large pool it would be as much again as membership itself.
    const remembers = this.settings.remembers === true;
    const memory = remembers ? new PeerMemory({ clock, save }, { known: this.peers }) : undefined;
    this.memory = memory;
    const swim = new Swim(
      {
        clock,
        random,
        counters: this.counters,
        log: this.log(),
        port,
        decode: network.shared.message,
        ...(table !== undefined && { table }),
        ...(this.settings.loopDelay !== undefined && { loopDelay: this.settings.loopDelay }),
      },
      {
        name: this.name,
        endpoint: this.endpoint,
        join: (this.settings.join ?? []).map(text => parseJoinTarget(text, PORT)),
        meta: encodeTags(tags ?? this.settings.tags ?? new Map([['role', 'weft']])),
        profile,
        keyring: this.settings.keyring,
        remembered: () => memory?.all() ?? [],
        onEvent: event => this.onEvent(event),
        ...options,
      },
    );
    this.swim = swim;
    swim.start();
    return this;
  }

  /** Stops the process as SIGSTOP does. */
  pause(): void {
    this.clock?.pause();
  }

  /** First the timers, then the sockets, as in Node's loop. */
  resume(): void {
    this.clock?.resume();
    for (const read of this.unread.splice(0)) read();
  }

  /** Lifeguard's score. */
  get health(): number | undefined {
    return this.swim?.health.score;
  }

  crash(): void {
    this.swim?.stop();
    this.swim = undefined;
    this.cluster.network.detach(this.endpoint);
  }

  /** Leaves in good order, then is gone. */
  leave(): void {
    const { swim } = this;
    swim?.leave(() => {
      if (this.swim === swim) this.crash();
    });
  }

  setTags(tags: Tags): void {
    this.swim?.setMeta(encodeTags(tags));
  }

  setJoin(join: readonly string[]): void {
    this.swim?.setJoin(join.map(text => parseJoinTarget(text, PORT)));
  }

  changeKeys(...args: Parameters<Swim['changeKeys']>): void {
    this.swim?.changeKeys(...args);
  }

  members(): readonly GossipMember[] {
    return this.swim?.members() ?? [];
  }

  /** A member as this node sees it. */
  sees(name: string): GossipMember | undefined {
    return this.members().find(member => member.name === name);
  }

  private onEvent(event: GossipEvent): void {
    if (this.settings.forgetsEvents !== true) this.events.push(event);
    this.memory?.onEvent(event);
    this.settings.onEvent?.(event);
    if (event.type === 'nameConflict') this.crash();
    if (event.type === 'memberDown') this.cluster.noteDeath(this, event.member);
  }

  private log(): Log {
    const keep = (level: keyof Log) => (fields: object, message: string) => {
      if (level !== 'debug') this.logged.push({ level, message, fields });
    };
    return { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') };
  }
}

export class Cluster {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly profile: GossipProfile;
  readonly nodes: SimulatedNode[] = [];
  private readonly byName = new Map<string, SimulatedNode[]>();
  /** "observer: victim" for each node that was held for dead while it ran. */
  readonly falseDeaths: string[] = [];

  constructor(options: {
    readonly seed: number;
    readonly conditions?: Partial<NetworkConditions>;
    readonly profile?: Partial<GossipProfile>;
  }) {
    this.random = seededRandom(options.seed);
    this.network = new SimulatedNetwork(this, {
      loss: 0,
      duplicate: 0,
      delay: [0.2, 3],
      ...options.conditions,
    });
    this.profile = { ...LAN_PROFILE, ...options.profile };
  }

  /** A node that is not started yet. */
  add(settings: NodeSettings): SimulatedNode {
    const node = new SimulatedNode(this, settings, settings.host ?? this.nodes.length + 1);
    this.nodes.push(node);
    const { name } = node;
    this.byName.set(name, [...(this.byName.get(name) ?? []), node]);
    return node;
  }

  /** `count` nodes n1, n2, … that all join the first `seeds`, started at random within the first `spread` ms. */
  addPool(
    count: number,
    {
      seeds = 1,
      spread = 2000,
      ...settings
    }: { readonly seeds?: number; readonly spread?: number } & Pick<NodeSettings, 'forgetsEvents'> = {},
  ): void {
    const join = Array.from({ length: seeds }, (_, index) => `10.0.0.${index + 1}`);
    for (let index = 0; index < count; index++) {
      const node = this.add({ name: `n${index + 1}`, join, ...settings });
      this.clock.after(this.random.next() * spread, () => node.start());
    }
  }

  get running(): readonly SimulatedNode[] {
    return this.nodes.filter(node => node.isRunning);
  }

  run(ms: number): void {
    this.clock.advance(ms);
  }

  /** Runs until the condition holds; returns the milliseconds it took, or undefined if it did not hold within `ms`. */
  runUntil(condition: () => boolean, ms: number, step = 100): number | undefined {
    for (let elapsed = 0; elapsed <= ms; elapsed += step) {
      if (condition()) return elapsed;
      this.run(step);
    }
    return undefined;
  }

  /**
   * What the running nodes are wrong about, at most a few lines: each must see every other running one alive, or
   * suspect if that is allowed, and no other one alive or suspect. Empty: the pool has converged.
   */
  disagreements({ allowSuspects = false } = {}): string[] {
    const { running } = this;
    const expected = new Map(running.map(node => [node.name, node]));
    const wrong: string[] = [];
    for (const node of running) {
      const alive = new Set<string>();
      for (const { name, state, address } of node.members()) {
        const isUp = state === 'alive' || state === 'suspect';
        if (state === 'alive' || (allowSuspects && isUp)) alive.add(name);
        if (isUp && expected.get(name)?.endpoint.address !== address)
          wrong.push(`${node.name}: ${name} is ${state} at ${address}`);
      }
      for (const name of expected.keys()) {
        if (name !== node.name && !alive.has(name)) {
          wrong.push(`${node.name}: ${name} is ${node.sees(name)?.state ?? 'unknown'}`);
        }
      }
      if (wrong.length > 10) break;
    }
    return wrong;
  }

  /** Whether all running nodes agree on who is up. Under loss some suspicion is always about, and soon refuted. */
  isConverged(): boolean {
    return this.disagreements({ allowSuspects: true }).length === 0;
  }

  noteDeath(observer: SimulatedNode, victim: GossipMember): void {
    // In a pool of thousands, each sees hundreds die.
    const isRunning = this.byName
      .get(victim.name)
      ?.some(node => node.isRunning && node.endpoint.address === victim.address);
    if (isRunning === true) this.falseDeaths.push(`${observer.name}: ${victim.name}`);
  }
}
