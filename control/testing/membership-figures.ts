/**
 * What membership costs, how soon a death is known by all, and whether the living are taken for dead. Time is virtual, so it shows the
 * protocol and the network, not the cost of computing.
 *
 * One pool goes through all of it: it comes up, is idle, has nodes that come and go, loses some, and at last has loss on its network
 * and nodes that stop for half a minute. Nothing is judged here; benchmarks/simulate does so for the latter two.
 */
import { LAN_PROFILE } from '../constants.ts';
import { type SuspicionBounds, suspicionBounds } from '../suspicion.ts';
import type { SimulatedNode } from './cluster.ts';
import { MembershipPool, type PoolStart } from './membership-pool.ts';
import { churnBytes, idleBytes } from './membership-traffic.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';

export interface MembershipOptions {
  readonly size: number;
  readonly seed?: number;
  /** @default cold */
  readonly start?: PoolStart;
}

export interface FalseDeaths {
  /** Nodes that were never stopped and that somebody held for dead. */
  readonly victims: number;
  /** How often a node that was never stopped held one of those for dead. */
  readonly byHealthy: number;
  /** The same of nodes that were stopped, and judged by what they had not heard. */
  readonly byStopped: number;
}

export interface DeathFigures {
  readonly size: number;
  /** From a crash to `memberDown` at each other node, in milliseconds. */
  readonly deathKnown: Quantiles;
  /** Pairs of node and dead node that did not come to know. */
  readonly unnoticed: number;
  /** How long a suspicion lasts, in milliseconds. */
  readonly suspicion: SuspicionBounds;
  /** Under 5 % loss, while 5 % of the nodes stop for 30 s. */
  readonly falseDeaths: FalseDeaths;
}

export interface MembershipFigures extends DeathFigures {
  /** What a node sends, in bytes a second: datagrams with their headers, and what is said on streams. */
  readonly idleBytes: number;
  /** The same while every 5 s one node leaves and one joins. */
  readonly churnBytes: number;
}

/** A death is to be known within this beyond the longest suspicion. */
const KNOWN_WITHIN = 300_000;
const WINDOW = 30_000;
/** One in twenty dies, or stops. */
const SHARE = 0.05;
const MAX_VICTIMS = 10;
const LOSS = 0.05;
const PAUSE = 30_000;

export function measureMembership(options: MembershipOptions): MembershipFigures {
  const run = new MembershipRun(options);
  return { ...run.traffic(), ...run.deaths() };
}

/** The same without what it costs, which takes a third of the time. */
export function measureDeaths(options: MembershipOptions): DeathFigures {
  return new MembershipRun(options).deaths();
}

class MembershipRun {
  private readonly pool: MembershipPool;
  private readonly suspicion: SuspicionBounds;
  private onDown: (observer: SimulatedNode, victim: string) => void = () => {};

  constructor({ start = 'cold', ...options }: MembershipOptions) {
    this.suspicion = suspicionBounds(LAN_PROFILE, options.size);
    this.pool = new MembershipPool({
      ...options,
      onEvent: (node, event) => {
        if (event.type === 'memberDown') this.onDown(node, event.member.name);
      },
    });
    this.pool.start(start);
  }

  traffic(): Pick<MembershipFigures, 'idleBytes' | 'churnBytes'> {
    const { pool } = this;
    const traffic = { idleBytes: idleBytes(pool, WINDOW), churnBytes: churnBytes(pool, WINDOW) };
    pool.complete();
    return traffic;
  }

  deaths(): DeathFigures {
    const { pool, suspicion } = this;
    const { latencies, unnoticed } = this.crash();
    pool.complete();
    const falseDeaths = this.stop();
    return { size: pool.size, deathKnown: quantilesOf(latencies), unnoticed, suspicion, falseDeaths };
  }

  /** Some crash, and are waited for to be known dead by all. */
  private crash(): { readonly latencies: readonly number[]; readonly unnoticed: number } {
    const { pool, suspicion } = this;
    const { cluster, size } = pool;
    const { clock, random } = cluster;
    const victims = pool.some(Math.min(MAX_VICTIMS, Math.ceil(SHARE * size)));
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
    cluster.runUntil(() => latencies.length >= pairs, suspicion.longest + KNOWN_WITHIN, 1000);
    this.onDown = () => {};
    return { latencies, unnoticed: pairs - latencies.length };
  }

  /** The network loses packets, and some stop for half a minute. */
  private stop(): FalseDeaths {
    const { cluster, size } = this.pool;
    const stopped = new Map(this.pool.some(Math.ceil(SHARE * size)).map(node => [node.name, node]));
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
}
