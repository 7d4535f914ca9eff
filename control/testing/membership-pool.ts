/**
 * A pool for measurements of membership, complete in one of two ways:
 *
 * - `cold`: all nodes start within a short time and join, as when a pool comes up. Of n nodes each exchanges all it knows, and each
 *   hears of each, so time and memory grow with n².
 * - `warm`: the pool is complete when it begins. One node takes the whole list from a push/pull, by way of the production code, and all
 *   others start with the table that it came to, each without itself; the tables share what is the same (shared-slots.ts). Their turns to
 *   push/pull are spread evenly over its interval, as in a pool whose nodes have started at any time. From then on there is no
 *   difference: the same timers, the same messages. 10,000 nodes fit one process.
 */
import { FIRST_INCARNATION, LAN_PROFILE, PROTOCOL_VERSION } from '../constants.ts';
import type { GossipEvent } from '../events.ts';
import { pushPullWait } from '../exchanger.ts';
import { MemberTable } from '../member-table.ts';
import type { Member } from '../members.ts';
import { shuffle } from '../random.ts';
import { encodePushPull, type NodeState } from '../stream.ts';
import { encodeTags } from '../tags.ts';
import { Cluster, type SimulatedNode } from './cluster.ts';
import { SharedMembers, SharedSlots } from './shared-slots.ts';

export type PoolStart = 'cold' | 'warm';

export interface PoolOptions {
  readonly size: number;
  readonly seed?: number;
  readonly onEvent?: (node: SimulatedNode, event: GossipEvent) => void;
}

/** Nodes that all others join by; they are neither stopped nor crashed. */
const SEEDS = 3;
/** Milliseconds between the starts of two nodes, on the average. */
const START_INTERVAL = 10;
const COMES_UP_WITHIN = 300_000;
const SETTLES = 20_000;
/** What nodes say of themselves when they start is no news to anybody, and told within two seconds. */
const WARM_SETTLES = 5000;
const TAGS = new Map([['role', 'weft']]);
/** No node of a pool has it. */
const SPARE_HOST = 65_000;

export class MembershipPool {
  readonly size: number;
  readonly cluster: Cluster;
  /** Milliseconds in which a cold pool starts, and which it is given whenever somebody returns. */
  private comesUpIn = 0;

  constructor({ size, seed = 1, onEvent = () => {} }: PoolOptions) {
    this.size = size;
    this.cluster = new Cluster({ seed, conditions: { delay: [0.2, 1] } });
    const join = Array.from({ length: SEEDS }, (_, index) => `10.0.0.${index + 1}`);
    for (let index = 0; index < size; index++) {
      const node: SimulatedNode = this.cluster.add({
        name: `n${index + 1}`,
        join,
        tags: TAGS,
        forgetsEvents: true,
        onEvent: event => onEvent(node, event),
      });
    }
  }

  /** All run, and agree. */
  start(how: PoolStart): void {
    if (how === 'warm') {
      this.startWarm();
      return;
    }
    this.comesUpIn = this.size * START_INTERVAL;
    this.startCold();
    this.converge();
  }

  /** Who has gone is back, all agree, and the last news has been told. */
  complete(): void {
    for (const node of this.cluster.nodes) if (!node.isRunning) node.start();
    this.converge();
  }

  /** Nodes start one after the other, and join. */
  private startCold(): void {
    const { nodes, clock, random } = this.cluster;
    for (const node of nodes) clock.after(random.next() * this.comesUpIn, () => node.start());
  }

  /** Nodes start together, and know each other. */
  private startWarm(): void {
    const { nodes, random } = this.cluster;
    const shared = new SharedMembers(this.install());
    const turns = pushPullWait(LAN_PROFILE.pushPullInterval, this.size) / this.size;
    for (const [turn, node] of shuffle(random, [...nodes]).entries()) {
      const table = new MemberTable(new SharedSlots(shared));
      table.delete(node.name);
      node.start({ table, firstPushPull: turns * (turn + random.next()) });
    }
    this.cluster.run(WARM_SETTLES);
  }

  private converge(): void {
    const { cluster, size } = this;
    cluster.run(this.comesUpIn);
    cluster.runUntil(() => cluster.running.length === size && cluster.isConverged(), COMES_UP_WITHIN, 1000);
    cluster.run(SETTLES);
  }

  /** Nodes that may go, chosen at random. */
  some(count: number): SimulatedNode[] {
    const { nodes, random } = this.cluster;
    return shuffle(random, nodes.slice(SEEDS)).slice(0, count);
  }

  /** What a node that knew nobody makes of a push/pull that names all of the pool. */
  private install(): Iterable<Member> {
    const aside = new Cluster({ seed: 1, conditions: { delay: [0, 0] } });
    const table = new MemberTable();
    const node = aside.add({ name: 'aside', host: SPARE_HOST, forgetsEvents: true }).start({ table });
    const teller = { receivePacket: () => {}, answerStream: () => undefined };
    const from = aside.add({ name: 'teller', host: SPARE_HOST + 1 }).endpoint;
    aside.network.attach(from, teller);
    const request = encodePushPull({ join: false, nodes: this.cluster.nodes.map(stateOf) });
    aside.network.portOf(from, teller).exchange(node.endpoint, request, () => {});
    aside.run(1);
    node.crash();
    return table.all();
  }
}

/** What a node says of itself when it starts. */
function stateOf({ name, endpoint }: SimulatedNode): NodeState {
  return {
    name,
    ...endpoint,
    incarnation: FIRST_INCARNATION,
    state: 'alive',
    meta: encodeTags(TAGS),
    version: PROTOCOL_VERSION,
  };
}
