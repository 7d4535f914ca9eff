/** A random life of the addresses of a network, drawn from one seed: everything that happens to VMs, then quiet, then order. */
import type { IpAddress } from '../../../dataplane/address.ts';
import { parseIp } from '../../../dataplane/address.ts';
import { WeftError } from '../../../dataplane/errors.ts';
import { randomInteger, shuffle } from '../../random.ts';
import { setClocksWrong } from '../../testing/wrong-clocks.ts';
import { IpamCluster, type IpamNode } from './ipam-cluster.ts';

export interface IpamScenarioResult {
  readonly nodes: number;
  /** Empty if nothing happened that must never happen, and all was in order at the end. */
  readonly problems: readonly string[];
  /** What was done, a line each. */
  readonly log: readonly string[];
  readonly counts: Readonly<Record<'claims' | 'refused' | 'forgotten' | 'decisions' | 'posts', number>>;
}

/** How long things happen, and how long they may take to come into order, in milliseconds. */
const STORM = 200_000;
const QUIET = 120_000;

export interface IpamScenarioOptions {
  readonly seed: number;
  /** Wall clocks are a day off and are set while it runs. */
  readonly hasWrongClocks?: boolean;
}

export async function runIpamScenario(options: IpamScenarioOptions): Promise<IpamScenarioResult> {
  return new Scenario(options).run();
}

class Scenario {
  private readonly cluster: IpamCluster;
  private readonly log: string[] = [];
  private readonly problems: string[] = [];
  private readonly lease: number;
  /** Length of the IPv4 prefix. */
  private readonly size: number;
  /** How long a node is down at least, in milliseconds: in half of all runs long enough to be forgotten. */
  private readonly down: number;
  private readonly downSince = new Map<IpamNode, number>();
  private readonly counts = { claims: 0, refused: 0, forgotten: 0, decisions: 0, posts: 0 };
  /** How likely that something befalls a node, at each step. */
  private readonly doom: number;
  private doomed: IpamNode | undefined;
  private owners = 0;
  /** Nodes that have lost their disk and are not somebody again yet. */
  private lost: string[] = [];

  private readonly seed: number;
  private readonly hasWrongClocks: boolean;

  constructor({ seed, hasWrongClocks = false }: IpamScenarioOptions) {
    this.hasWrongClocks = hasWrongClocks;
    this.seed = seed;
    const probe = new IpamCluster({ seed, network: '', spaces: [], founders: [] }).random;
    const pick = <T>(items: readonly T[]): T => items[randomInteger(probe, items.length)] as T;
    const size = pick([2, 3, 4, 5, 6, 8]);
    // Of three: so that the loss of one is borne from the beginning. The lone one is the usual case.
    const founders = size >= 3 && probe.next() < 0.4 ? ['n1', 'n2', 'n3'] : [];
    this.lease = pick([40_000, 60_000, 1_000_000]);
    this.down = pick([0, 45_000]);
    this.doom = pick([0, 0.1]);
    this.size = pick([28, 26, 26, 22]);
    const spaces = [
      {
        prefix: `10.1.0.0/${this.size}`,
        gateway: parseIp('10.1.0.1'),
        static: this.size === 28 ? [] : ['10.1.0.48-10.1.0.55'],
      },
      ...(probe.next() < 0.5 ? [{ prefix: 'fd00:1::/64', exclude: ['fd00:1::/120'] }] : []),
    ];
    this.cluster = new IpamCluster({
      seed,
      network: 'blue',
      spaces,
      founders,
      lease: this.lease,
      rest: pick([2000, 20_000]),
    });
    this.cluster.saveTime = pick([15, 15, 300, 2000]);
    for (let index = 1; index <= size; index++) this.cluster.add(`n${index}`);
    this.cluster.board.conditions = { loss: pick([0, 0.05, 0.4]), delay: pick([5, 50, 500, 2000]) };
    this.note(`${size} nodes, lease ${this.lease}, ${JSON.stringify(this.cluster.board.conditions)}`);
  }

  async run(): Promise<IpamScenarioResult> {
    const { cluster, seed } = this;
    const note = (what: string): void => this.note(what);
    const setRight = this.hasWrongClocks ? setClocksWrong(cluster.nodes, { seed, note }) : undefined;
    for (const node of cluster.nodes) cluster.clock.after(this.below(3000), () => this.start(node));
    await cluster.runUntil(
      () => cluster.nodes.filter(({ ipam }) => ipam?.isFenced === false).length >= 1,
      60_000,
    );
    for (const end = cluster.clock.now() + STORM; cluster.clock.now() < end; ) {
      await cluster.run(this.below(1200));
      this.disturb();
      if (cluster.breaches.length > 0) break;
    }
    setRight?.();
    if (cluster.breaches.length === 0) await this.quiet();
    const { board, nodes, breaches } = cluster;
    const decisions = Math.max(...nodes.map(({ ipam }) => ipam?.position.decided ?? 0));
    return {
      nodes: nodes.length,
      problems: [...breaches, ...this.problems],
      log: this.log,
      counts: { ...this.counts, decisions, posts: board.posts },
    };
  }

  private disturb(): void {
    const node = this.pick(this.cluster.nodes);
    const what = this.below(100);
    if (this.doomed === undefined && this.chance(this.doom)) this.befall(node);
    if (what < 40) this.claim(node);
    else if (what < 60) this.release(node);
    else if (what < 64) this.claimFixed(node);
    else if (what < 72) this.crash(node);
    else if (what < 84) this.restart();
    else if (what < 89) this.partition();
    else if (what < 93) this.forget(node);
    else if (what < 95) this.pause(node);
    else if (what < 96) this.leak(node);
    else {
      this.note('heal');
      this.cluster.heal();
      if (this.doomed !== undefined) this.isolate(this.doomed);
    }
  }

  /**
   * It is not heard for longer than a lease, dead or alive, while others go on; what was its own is given away; then it is back
   * where nobody can tell it. What must not happen is most likely then.
   */
  private befall(node: IpamNode): void {
    const { clock } = this.cluster;
    if (!node.isRunning || node.answered.size === 0) return;
    const isCrash = this.chance(0.5);
    this.note(`${node.name} is ${isCrash ? 'dead' : 'cut off'} for long`);
    this.doomed = node;
    this.isolate(node);
    if (isCrash) this.crash(node);
    clock.after(40_000, () => {
      if (isCrash) this.forget(node);
    });
    clock.after(55_000 + this.below(20_000), () => {
      if (!node.isRunning) this.start(node, { forgetsOwn: this.chance(0.5) });
      this.note(`${node.name} is back`);
    });
    clock.after(80_000 + this.below(20_000), () => {
      this.cluster.heal();
      this.doomed = undefined;
    });
  }

  private isolate({ name }: IpamNode): void {
    this.cluster.cut((from, to) => (from === name) !== (to === name));
  }

  private claim(node: IpamNode): void {
    const family = this.cluster.options.spaces.length > 1 && this.chance(0.4) ? 6 : 4;
    this.expect(node, this.newOwner(), family);
  }

  private claimFixed(node: IpamNode): void {
    this.expect(node, this.newOwner(), parseIp(`10.1.0.${2 + this.below(this.size === 28 ? 13 : 61)}`));
  }

  private expect(node: IpamNode, owner: string, what: 4 | 6 | IpAddress): void {
    if (!node.isRunning || node.isPaused) return;
    void node.claim(owner, what).then(result => {
      if (result instanceof WeftError) this.counts.refused += 1;
      else this.counts.claims += 1;
    });
  }

  private release(node: IpamNode): void {
    const owner = this.pick([...node.answered.keys()]);
    if (owner !== undefined && !node.isPaused) void node.release(owner);
  }

  /** Its containers are gone, and nobody said so. */
  private leak(node: IpamNode): void {
    if (!node.isRunning || node.isPaused || node.unsure.size > 0) return;
    const live = [...node.answered.keys()].filter(() => this.chance(0.5));
    for (const owner of [...node.answered.keys()]) if (!live.includes(owner)) node.answered.delete(owner);
    node.ipam?.reconcile(new Set(live));
  }

  private crash(node: IpamNode): void {
    if (!node.isRunning) return;
    this.note(`${node.name} crashes`);
    node.crash();
    this.downSince.set(node, this.cluster.clock.now());
  }

  private restart(): void {
    const now = this.cluster.clock.now();
    const isOver = (node: IpamNode): boolean =>
      node !== this.doomed && now - (this.downSince.get(node) ?? 0) >= this.down;
    const node = this.pick(this.cluster.nodes.filter(one => !one.isRunning && isOver(one)));
    if (node === undefined) return;
    // Where nobody can tell it that it was forgotten.
    if (this.chance(0.3)) this.cut([node.name], false);
    // The disk of a lone voter is the council.
    const isLost = this.chance(0.15) && this.mayLoseDisk(node);
    this.note(`${node.name} starts${isLost ? ' without its disk' : ''}`);
    if (this.hasWrongClocks && this.downSince.has(node) && this.log.length % 2 === 0) node.clock.reboot();
    this.start(node, { forgetsOwn: this.chance(0.5), forgetsAll: isLost });
    if (isLost) this.counts.forgotten += 1;
  }

  private start(node: IpamNode, loss: Parameters<IpamNode['start']>[1] = {}): void {
    const isMaker = node.name === 'n1' && this.cluster.options.founders.length === 0;
    node.start({ isNew: isMaker && !node.hasSaved }, loss);
  }

  /** Not more disks at one time than a minority of the voters: nothing that is kept on disks survives that. */
  private mayLoseDisk(node: IpamNode): boolean {
    const { nodes, running } = this.cluster;
    const isRecovered = (name: string): boolean =>
      running.some(other => other.name === name && other.ipam?.isFenced === false);
    this.lost = this.lost.filter(name => !isRecovered(name));
    const views = running.map(({ ipam }) => ipam?.view());
    const newest = Math.max(...nodes.map(({ newest: number }) => number));
    const voters = views.find(view => view?.decided === newest)?.voters ?? [];
    if (this.lost.length > 0 || voters.length === 0) return false;
    const isBorne = voters.length >= 3 && voters.every(name => name === node.name || isRecovered(name));
    if (voters.includes(node.name) && !isBorne) return false;
    this.lost.push(node.name);
    return true;
  }

  private partition(): void {
    const { cluster } = this;
    const names = shuffle(
      cluster.random,
      cluster.nodes.map(({ name }) => name),
    );
    this.cut(names.slice(0, 1 + this.below(names.length)), this.chance(0.3));
  }

  private cut(names: readonly string[], isOneWay: boolean): void {
    const side = new Set(names);
    this.note(`cut off ${names}${isOneWay ? ' in one direction' : ''}`);
    this.cluster.cut((from, to) =>
      isOneWay ? side.has(from) && !side.has(to) : side.has(from) !== side.has(to),
    );
  }

  /** Of a node that is down: an operator who says it of one that runs has been told not to. */
  private forget(node: IpamNode): void {
    const by = this.pick(this.cluster.running.filter(({ isPaused }) => !isPaused));
    if (node.isRunning || by === undefined) return;
    this.note(`${by.name} forgets ${node.name}`);
    by.ipam?.forget(node.name).then(
      () => {
        this.counts.forgotten += 1;
        this.note(`${node.name} is forgotten`);
      },
      () => {},
    );
  }

  private pause(node: IpamNode): void {
    if (!node.isRunning || node.isPaused) return;
    node.pause();
    this.cluster.clock.after(this.below(Math.min(4000, this.lease * 0.05)), () => node.resume());
  }

  /** Everything is whole again and everybody up: all that was asked for is done, all know the same, nobody is fenced. */
  private async quiet(): Promise<void> {
    const { cluster } = this;
    this.note('quiet');
    cluster.heal();
    cluster.board.conditions = { loss: 0, delay: 50 };
    cluster.saveTime = 15;
    for (const node of cluster.nodes) {
      node.resume();
      this.start(node);
    }
    const took = await cluster.runUntil(() => this.disorder().length === 0, QUIET);
    if (took === undefined) this.problems.push(...this.disorder());
    await this.serves();
    await this.silence();
  }

  private disorder(): string[] {
    const { nodes } = this.cluster;
    const newest = Math.max(...nodes.map(({ ipam }) => ipam?.position.decided ?? 0));
    return nodes.flatMap(({ name, ipam, answered, unsure }) => {
      const view = ipam?.view();
      const wrong: string[] = [];
      if (view?.isFenced !== false) wrong.push(`${name} is fenced: ${view?.waitingFor}`);
      if (view?.decided !== newest) wrong.push(`${name} knows ${view?.decided} of ${newest} decisions`);
      if (view !== undefined && view.diverged + view.malformed > 0) wrong.push(`${name} has read nonsense`);
      const leaked = ipam?.claims.filter(({ owner }) => !answered.has(owner) && !unsure.has(owner)) ?? [];
      // A claim that was saved and not answered before a crash is a leak until its owner is known not to live.
      if (leaked.length > 0) ipam?.reconcile(new Set([...answered.keys(), ...unsure]));
      return wrong;
    });
  }

  /** Whoever asks gets an address, if there is one anywhere. */
  private async serves(): Promise<void> {
    const { cluster } = this;
    await cluster.run(25_000);
    for (const node of cluster.nodes) {
      const used = cluster.nodes.reduce((sum, { answered }) => sum + answered.size, 0);
      if (used > 2 ** (32 - this.size) / 3) return;
      let result: IpAddress | WeftError | undefined;
      void node.claim(this.newOwner(), 4).then(outcome => {
        result = outcome;
      });
      await cluster.runUntil(() => result !== undefined, 10_000);
      if (result instanceof WeftError) this.problems.push(`${node.name}, ${used} used: ${result.line}`);
    }
  }

  /** When there is nothing to do, nothing is posted. */
  private async silence(): Promise<void> {
    const { cluster } = this;
    // A node looks at its adverts no more often than at its fence.
    await cluster.run(90_000);
    const { posts } = cluster.board;
    await cluster.run(30_000);
    if (cluster.board.posts > posts) {
      this.problems.push(`${cluster.board.posts - posts} posts in 30 s in which nothing happened`);
    }
  }

  private newOwner(): string {
    return `c${++this.owners}`;
  }

  private pick<T>(items: readonly T[]): T {
    return items[randomInteger(this.cluster.random, items.length)] as T;
  }

  private chance(probability: number): boolean {
    return this.cluster.random.next() < probability;
  }

  private below(count: number): number {
    return randomInteger(this.cluster.random, count);
  }

  private note(what: string): void {
    this.log.push(`${(this.cluster.clock.now() / 1000).toFixed(1)} ${what}`);
  }
}
