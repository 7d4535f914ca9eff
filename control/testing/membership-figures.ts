/**
 * What membership costs, how soon a death is known by all, and whether the living are taken for dead: a measurement, no test. Time
 * is virtual, so it shows the protocol and the network, not the cost of computing.
 *
 * One pool goes through all of it: it comes up, is idle, has nodes that come and go, loses some, and at last has loss on its network
 * and nodes that stop for half a minute.
 */
import { LAN_PROFILE } from '../constants.ts';
import type { GossipEvent } from '../events.ts';
import { shuffle } from '../random.ts';
import { type SuspicionBounds, suspicionBounds } from '../suspicion.ts';
import { Cluster, type SimulatedNode } from './cluster.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';

export interface MembershipOptions {
  readonly size: number;
  readonly seed?: number;
}

export interface FalseDeaths {
  /** Nodes that were never stopped and that somebody held for dead. */
  readonly victims: number;
  /** How often a node that was never stopped held one of those for dead. */
  readonly byHealthy: number;
  /** The same of nodes that were stopped, and judged by what they had not heard. */
  readonly byStopped: number;
}

export interface MembershipFigures {
  readonly size: number;
  /** What a node sends, in bytes a second: datagrams with their headers, and what is said on streams. */
  readonly idleBytes: number;
  /** The same while every 5 s one node leaves and one joins. */
  readonly churnBytes: number;
  /** From a crash to `memberDown` at each other node, in milliseconds. */
  readonly deathKnown: Quantiles;
  /** Pairs of node and dead node that did not come to know. */
  readonly unnoticed: number;
  /** How long a suspicion lasts, in milliseconds. */
  readonly suspicion: SuspicionBounds;
  /** Under 5 % loss, while 5 % of the nodes stop for 30 s. */
  readonly falseDeaths: FalseDeaths;
}

/** Nodes that all others join by; they are neither stopped nor crashed. */
const SEEDS = 3;
/** Milliseconds between the starts of two nodes, on the average. */
const START_INTERVAL = 10;
const COMES_UP_WITHIN = 300_000;
const SETTLES = 20_000;
const WINDOW = 30_000;
const CHURN_INTERVAL = 5000;
/** One in twenty dies, or stops. */
const SHARE = 0.05;
const MAX_VICTIMS = 10;
const LOSS = 0.05;
const PAUSE = 30_000;

export function measureMembership(options: MembershipOptions): MembershipFigures {
  return new MembershipRun(options).figures();
}

class MembershipRun {
  private readonly cluster: Cluster;
  private readonly size: number;
  private readonly suspicion: SuspicionBounds;
  private onDown: (observer: SimulatedNode, victim: string) => void = () => {};

  constructor({ size, seed = 1 }: MembershipOptions) {
    this.size = size;
    this.suspicion = suspicionBounds(LAN_PROFILE, size);
    this.cluster = new Cluster({ seed, conditions: { delay: [0.2, 1] } });
    const { clock, random } = this.cluster;
    const join = Array.from({ length: SEEDS }, (_, index) => `10.0.0.${index + 1}`);
    for (let index = 0; index < size; index++) {
      const onEvent = (event: GossipEvent): void => {
        if (event.type === 'memberDown') this.onDown(node, event.member.name);
      };
      const node: SimulatedNode = this.cluster.add({
        name: `n${index + 1}`,
        join,
        forgetsEvents: true,
        onEvent,
      });
      clock.after(random.next() * size * START_INTERVAL, () => node.start());
    }
  }

  figures(): MembershipFigures {
    this.converge();
    const idleBytes = this.bytesPerSecond(() => this.cluster.run(WINDOW));
    const churnBytes = this.bytesPerSecond(() => this.churn());
    this.converge();
    const { latencies, unnoticed } = this.deaths();
    this.converge();
    const { size, suspicion } = this;
    return {
      size,
      idleBytes,
      churnBytes,
      deathKnown: quantilesOf(latencies),
      unnoticed,
      suspicion,
      falseDeaths: this.falseDeaths(),
    };
  }

  /** Until all are there and agree, and the last news has been told. */
  private converge(): void {
    const { cluster, size } = this;
    for (const node of cluster.nodes) if (!node.isRunning && cluster.clock.now() > 0) node.start();
    cluster.run(size * START_INTERVAL);
    cluster.runUntil(() => cluster.running.length === size && cluster.isConverged(), COMES_UP_WITHIN, 1000);
    cluster.run(SETTLES);
  }

  private bytesPerSecond(action: () => void): number {
    const { clock, network } = this.cluster;
    const before = { bytes: network.datagramBytes + network.streamBytes, at: clock.now() };
    action();
    const seconds = (clock.now() - before.at) / 1000;
    return (network.datagramBytes + network.streamBytes - before.bytes) / (this.size * seconds);
  }

  private churn(): void {
    let absent: SimulatedNode | undefined;
    for (let passed = 0; passed < WINDOW; passed += CHURN_INTERVAL) {
      absent?.start();
      [absent] = this.some(1);
      absent?.leave();
      this.cluster.run(CHURN_INTERVAL);
    }
  }

  private deaths(): { readonly latencies: readonly number[]; readonly unnoticed: number } {
    const { cluster, size, suspicion } = this;
    const { clock, random } = cluster;
    const victims = this.some(Math.min(MAX_VICTIMS, Math.ceil(SHARE * size)));
    const crashedAt = new Map<string, number>();
    const latencies: number[] = [];
    this.onDown = (observer, victim) => {
      const at = crashedAt.get(victim);
      if (at !== undefined && !crashedAt.has(observer.name)) latencies.push(clock.now() - at);
    };
    for (const victim of victims) {
      cluster.run(random.next() * LAN_PROFILE.probeInterval);
      crashedAt.set(victim.name, clock.now());
      victim.crash();
    }
    const pairs = victims.length * (size - victims.length);
    cluster.runUntil(() => latencies.length >= pairs, suspicion.longest + COMES_UP_WITHIN, 1000);
    this.onDown = () => {};
    return { latencies, unnoticed: pairs - latencies.length };
  }

  private falseDeaths(): FalseDeaths {
    const { cluster, size } = this;
    const stopped = new Map(this.some(Math.ceil(SHARE * size)).map(node => [node.name, node]));
    const victims = new Set<string>();
    let byHealthy = 0;
    let byStopped = 0;
    this.onDown = (observer, victim) => {
      if (stopped.has(victim)) return;
      victims.add(victim);
      if (stopped.has(observer.name)) byStopped += 1;
      else byHealthy += 1;
    };
    cluster.network.conditions = { ...cluster.network.conditions, loss: LOSS };
    for (const node of stopped.values()) node.pause();
    cluster.run(PAUSE);
    for (const node of stopped.values()) node.resume();
    cluster.run(2 * PAUSE);
    return { victims: victims.size, byHealthy, byStopped };
  }

  private some(count: number): SimulatedNode[] {
    const { nodes, random } = this.cluster;
    return shuffle(random, nodes.slice(SEEDS)).slice(0, count);
  }
}
