/** Pools of address machines on one virtual clock, with disks that keep what was saved, and what must hold at any time. */
import type { IpAddress } from '../../../dataplane/address.ts';
import { WeftError } from '../../../dataplane/errors.ts';
import { ManualClock } from '../../../dataplane/testing/manual-clock.ts';
import { type Random, seededRandom } from '../../random.ts';
import { NodeClock } from '../../testing/node-clock.ts';
import type { Journal, SavedState } from '../host.ts';
import { Ipam } from '../ipam.ts';
import type { IpamEvent, IpamOptions } from '../options.ts';
import { SimulatedBoard } from './simulated-board.ts';
import { SimulatedLiveness } from './simulated-liveness.ts';

/** Time advances in such steps, so that what was promised is done in between. In milliseconds. */
const STEP = 5;

/** How often is looked for two holders of one address, in milliseconds. */
const AUDIT = 50;

export type SharedOptions = Omit<IpamOptions, 'name' | 'saved' | 'onEvent'>;

export class IpamNode {
  readonly name: string;
  readonly clock: NodeClock;
  readonly events: IpamEvent[] = [];
  ipam: Ipam | undefined;
  isPaused = false;
  /** What callers were told that they have, and have not released: owner to address. */
  readonly answered = new Map<string, IpAddress>();
  /** Owners whose claim or release is under way. */
  readonly unsure = new Set<string>();
  disk: SavedState | undefined;
  /** Its disk was written to once. */
  hasSaved = false;
  /** The newest decision that it ever knew. */
  newest = 0;
  private pendingSave: SavedState | undefined;
  private readonly cluster: IpamCluster;
  private life = 0;

  constructor(cluster: IpamCluster, name: string) {
    this.cluster = cluster;
    this.name = name;
    const { random } = cluster;
    this.clock = new NodeClock(cluster.clock, {
      offset: 1e9 + Math.round((random.next() - 0.5) * 10_000),
      rate: 1 + (random.next() - 0.5) * 0.02,
    });
  }

  get isRunning(): boolean {
    return this.ipam !== undefined;
  }

  start(options: Partial<IpamOptions> = {}, { forgetsOwn = false, forgetsAll = false } = {}): void {
    if (this.isRunning) return;
    const { cluster, name, clock } = this;
    const life = ++this.life;
    if (forgetsAll) this.disk = undefined;
    cluster.liveness.forget(name);
    const ipam = new Ipam(
      {
        clock,
        random: cluster.random,
        journal: this.journal(life),
        post: (key, body) => {
          if (this.life === life && this.isRunning) cluster.board.post(name, key, body);
        },
        liveness: cluster.liveness.of(this),
      },
      {
        ...cluster.options,
        name,
        saved: this.disk,
        onEvent: event => this.onEvent(event),
        ...options,
      },
    );
    this.ipam = ipam;
    if (this.disk !== undefined) this.checkClaims(ipam);
    else this.answered.clear();
    cluster.board.restart(this, { forgetsOwn, forgetsAll });
    ipam.start();
  }

  /** At any point: what is being saved may have reached the disk or not. */
  crash(): void {
    if (this.pendingSave !== undefined && this.cluster.random.next() < 0.5) this.write(this.pendingSave);
    this.pendingSave = undefined;
    this.life += 1;
    const { ipam } = this;
    this.ipam = undefined;
    ipam?.stop();
    this.resume();
  }

  pause(): void {
    this.isPaused = true;
    this.clock.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.clock.resume();
  }

  deliver(origin: string, key: string, body: Uint8Array | undefined): void {
    const { life } = this;
    this.clock.gate(() => {
      if (this.life === life) this.ipam?.take(origin, key, body);
    });
  }

  /** Undefined: it failed, with that message. */
  async claim(owner: string, what: 4 | 6 | IpAddress): Promise<IpAddress | WeftError> {
    const { ipam, life } = this;
    if (ipam === undefined) return new WeftError('unavailable', 'not running');
    this.unsure.add(owner);
    try {
      const address = await (typeof what === 'number'
        ? ipam.claim(owner, what)
        : ipam.claimFixed(owner, what));
      if (this.life === life) this.answered.set(owner, address);
      return address;
    } catch (error) {
      if (error instanceof WeftError) return error;
      throw error;
    } finally {
      this.unsure.delete(owner);
    }
  }

  async release(owner: string): Promise<void> {
    const address = this.answered.get(owner);
    if (address === undefined || this.ipam === undefined) return;
    this.answered.delete(owner);
    await this.ipam.release(address);
  }

  private onEvent(event: IpamEvent): void {
    this.events.push(event);
    if (event.type === 'failed') throw event.error;
    if (event.type === 'forgotten') this.answered.clear();
  }

  private journal(life: number): Journal {
    return {
      save: state => {
        this.pendingSave = state;
        this.cluster.saves += 1;
        return new Promise(resolve => {
          this.clock.after(1 + this.cluster.random.next() * this.cluster.saveTime, () => {
            if (this.life !== life) return;
            this.write(state);
            this.pendingSave = undefined;
            resolve();
          });
        });
      },
    };
  }

  private write(state: SavedState): void {
    this.disk = state;
    this.hasSaved = true;
  }

  private checkClaims(ipam: Ipam): void {
    const claims = new Map(ipam.claims.map(({ owner, address }) => [owner, address]));
    for (const [owner, address] of this.answered) {
      if (claims.get(owner) !== address) this.cluster.breach(`${this.name} has lost ${address} of ${owner}`);
    }
  }
}

export class IpamCluster {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly board: SimulatedBoard;
  readonly liveness: SimulatedLiveness;
  readonly options: SharedOptions;
  readonly nodes: IpamNode[] = [];
  readonly breaches: string[] = [];
  saves = 0;
  /** How long a disk takes at most, in milliseconds. */
  saveTime = 15;
  private auditedAt = 0;
  /** Side of each node in each direction: what is on another side is not heard. */
  private readonly cuts = new Set<(from: string, to: string) => boolean>();
  private readonly chains = new Map<number, string>();

  constructor({ seed, ...options }: SharedOptions & { readonly seed: number }) {
    this.random = seededRandom(seed);
    this.options = options;
    this.board = new SimulatedBoard(this.clock, this.random);
    this.liveness = new SimulatedLiveness(this.clock);
    const isLinked = (from: string, to: string): boolean => ![...this.cuts].some(isCut => isCut(from, to));
    this.board.isLinked = isLinked;
    this.liveness.isLinked = isLinked;
  }

  add(name: string): IpamNode {
    const node = new IpamNode(this, name);
    this.nodes.push(node);
    this.board.add(node);
    this.liveness.add(node);
    return node;
  }

  get running(): IpamNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  /** Until it is healed, or what is returned is called. */
  cut(isCut: (from: string, to: string) => boolean): () => void {
    this.cuts.add(isCut);
    return () => this.cuts.delete(isCut);
  }

  heal(): void {
    this.cuts.clear();
  }

  breach(what: string): void {
    if (this.breaches.length < 10) this.breaches.push(`${(this.clock.now() / 1000).toFixed(2)} ${what}`);
  }

  async run(ms: number): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end; ) {
      const { wakeUps } = this.clock;
      this.clock.advance(STEP);
      if (this.clock.wakeUps === wakeUps) continue;
      // Saves, then what waits for them, then who waits for that.
      for (let hop = 0; hop < 5; hop++) await undefined;
      if (this.clock.now() < this.auditedAt + AUDIT) continue;
      this.auditedAt = this.clock.now();
      this.audit();
    }
  }

  async runUntil(condition: () => boolean, ms: number): Promise<number | undefined> {
    const start = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - start > ms) return undefined;
      await this.run(STEP);
    }
    return this.clock.now() - start;
  }

  /** Never two that live have one address; equal numbers, equal decisions. */
  private audit(): void {
    const holders = new Map<IpAddress, string>();
    for (const node of this.nodes) {
      const { name, ipam } = node;
      if (ipam === undefined) continue;
      const { decided, chain } = ipam.position;
      node.newest = Math.max(node.newest, decided);
      const known = chain === '' ? chain : this.chains.get(decided);
      if (known === undefined) this.chains.set(decided, chain);
      else if (known !== chain) this.breach(`${name} has another decision ${decided}`);
      if (ipam.isFenced) continue;
      for (const { address } of ipam.claims) {
        const other = holders.get(address);
        if (other !== undefined) this.breach(`${address} is held by ${other} and ${name}`);
        holders.set(address, name);
      }
    }
  }
}
