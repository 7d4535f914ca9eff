/** A random life of a pool, drawn from one seed: everything that happens to VMs and networks, then quiet, then agreement. */
import { type MacAddress, parseVni, type Vni } from '../../dataplane/address.ts';
import { randomInteger } from '../random.ts';
import { RecordCluster, type RecordNode, stationOf } from './record-cluster.ts';
import { setClocksWrong } from './wrong-clocks.ts';

export interface ScenarioOptions {
  readonly seed: number;
  /** @default 5 */
  readonly minNodes?: number;
  readonly maxNodes: number;
  /** Wall clocks are a day off and are set while it runs. */
  readonly hasWrongClocks?: boolean;
}

export interface ScenarioResult {
  readonly nodes: number;
  /** Empty if all agreed and nothing happened that must never happen. */
  readonly problems: readonly string[];
  /** Milliseconds from the end of the disturbances to agreement. */
  readonly took: number;
  /** What was done, a line each. */
  readonly log: readonly string[];
}

/** How long things happen, in milliseconds. */
const STORM = 90_000;

/** Who was held for dead, on either side of a partition, is back after a few rounds of SWIM's (convergence.test.ts). */
const AGREEMENT = 240_000;

export function runScenario(options: ScenarioOptions): ScenarioResult {
  const scenario = new Scenario(options);
  return scenario.run();
}

class Scenario {
  private readonly cluster: RecordCluster;
  private readonly options: ScenarioOptions;
  private readonly log: string[] = [];
  private readonly stations: number;
  private readonly size: number;

  constructor(options: ScenarioOptions) {
    const { seed, minNodes = 5, maxNodes } = options;
    this.options = options;
    const vnis = [42, 43, 44].map(parseVni);
    this.cluster = new RecordCluster({ seed, vnis, forgetsEvents: true });
    const { random } = this.cluster.pool;
    // A swarm of conditions: some runs have a perfect network, some a terrible one.
    const loss = this.choose([0, 0.01, 0.05, 0.2]);
    const duplicate = this.choose([0, 0.02, 0.2]);
    const most = this.choose([1, 20, 200]);
    this.cluster.pool.network.conditions = { loss, duplicate, delay: [0.2, most] };
    this.size = minNodes + randomInteger(random, Math.max(1, maxNodes - minNodes + 1));
    this.stations = this.size * (1 + randomInteger(random, 4));
    this.note(`${this.size} nodes, ${this.stations} containers, loss ${loss}, delay up to ${most} ms`);
  }

  run(): ScenarioResult {
    const { cluster } = this;
    cluster.addNodes(this.size);
    const { seed, hasWrongClocks = false } = this.options;
    const clocks = hasWrongClocks ? cluster.nodes : [];
    const setRight = setClocksWrong(clocks, { seed, note: what => this.note(what) });
    for (const node of cluster.nodes) {
      for (const vni of cluster.vnis) if (this.chance(0.6)) node.join(vni);
      cluster.pool.clock.after(this.below(3000), () => node.start());
    }
    for (let station = 0; station < this.stations; station++) this.place(station);
    for (const end = cluster.pool.clock.now() + STORM; cluster.pool.clock.now() < end; ) {
      cluster.run(this.below(1500));
      this.disturb();
      if (this.chance(0.3)) cluster.audit();
    }
    setRight();
    this.quiet();
    const took = cluster.runUntil(() => cluster.disagreements().length === 0, AGREEMENT, 1000);
    // Agreement has to stay.
    cluster.run(5000);
    cluster.audit();
    const problems = [...cluster.disagreements('right'), ...cluster.history.breaches, ...this.excesses()];
    return { nodes: this.size, problems, took: took ?? AGREEMENT, log: this.log };
  }

  private disturb(): void {
    const { cluster } = this;
    const node = cluster.pick(cluster.nodes);
    if (node === undefined) return;
    const what = this.below(100);
    if (what < 6) this.post(node);
    else if (what < 40) this.place(this.below(this.stations));
    else if (what < 46) this.remove(node);
    else if (what < 52) this.rejoin(node);
    else if (what < 60) this.crash(node);
    else if (what < 64) this.leave(node);
    else if (what < 84) this.restart();
    else if (what < 88) this.pause(node);
    else if (what < 92) this.partition();
    else if (what < 94) this.cutOneWay(node);
    else {
      this.note('heal');
      cluster.pool.network.heal();
    }
  }

  /** Moves a container to a random node, in good order; sometimes the old place lets go only afterwards. */
  private place(station: number): void {
    const { cluster } = this;
    const { mac, ip } = stationOf(station);
    const vni = cluster.vnis[station % cluster.vnis.length] as Vni;
    const to = cluster.pick(cluster.nodes.filter(({ isPaused }) => !isPaused));
    const from = cluster.nodes.filter(node => node.attached.get(vni)?.has(mac));
    if (to === undefined || from.includes(to) || from.some(({ isPaused }) => isPaused)) return;
    const isEager = this.chance(0.3);
    this.note(
      `${mac} of ${vni} from ${from.map(({ name }) => name)} to ${to.name}${isEager ? ' eagerly' : ''}`,
    );
    const release = (): void => {
      for (const node of from) node.detach(vni, mac);
    };
    if (!isEager) release();
    to.attach(vni, mac, this.chance(0.8) ? [ip] : []);
    if (isEager) release();
  }

  private post(node: RecordNode): void {
    if (node.isPaused) return;
    const key = `key${this.below(3)}`;
    const text = this.chance(0.8) ? `${this.below(1000)}` : undefined;
    this.note(`${node.name} posts ${text ?? 'nothing'} as ${key}`);
    node.post(key, text === undefined ? undefined : Buffer.from(text));
  }

  private remove(node: RecordNode): void {
    const vni = this.cluster.pick([...node.attached.keys()]);
    const mac =
      vni === undefined ? undefined : this.cluster.pick([...(node.attached.get(vni)?.keys() ?? [])]);
    if (vni === undefined || mac === undefined || node.isPaused) return;
    this.note(`${node.name} detaches ${mac}`);
    node.detach(vni, mac as MacAddress);
  }

  private rejoin(node: RecordNode): void {
    const vni = this.cluster.pick(this.cluster.vnis) as Vni;
    if (node.isPaused) return;
    this.note(`${node.name} ${node.attached.has(vni) ? 'leaves' : 'joins'} VNI ${vni}`);
    if (node.attached.has(vni)) node.leaveNetwork(vni);
    else node.join(vni);
  }

  private crash(node: RecordNode): void {
    if (!node.isRunning || this.cluster.running.length < this.size / 2) return;
    const machine = this.chance(0.5);
    this.note(`${node.name} crashes${machine ? ' with its machine' : ''}`);
    node.resume();
    node.crash({ machine });
    // A VM that reboots has lost its containers, perhaps also the networks it carried.
    if (this.chance(0.3)) for (const endpoints of node.attached.values()) endpoints.clear();
    if (this.chance(0.2)) node.attached.clear();
  }

  private leave(node: RecordNode): void {
    if (!node.isRunning || this.cluster.running.length < this.size / 2) return;
    this.note(`${node.name} leaves`);
    node.resume();
    node.leave();
  }

  private restart(): void {
    const node = this.cluster.pick(this.cluster.nodes.filter(({ isRunning }) => !isRunning));
    if (node === undefined) return;
    const forgetful = this.chance(0.3);
    this.note(`${node.name} starts${forgetful ? ' without its state' : ''}`);
    node.start({ forgetful });
  }

  private pause(node: RecordNode): void {
    if (!node.isRunning || node.isPaused) return;
    const ms = this.below(30_000);
    this.note(`${node.name} is stopped for ${ms} ms`);
    node.pause();
    this.cluster.pool.clock.after(ms, () => node.resume());
  }

  private partition(): void {
    const island = this.cluster.nodes.filter(() => this.chance(0.4));
    this.note(`partition: ${island.map(({ name }) => name)}`);
    this.cluster.pool.network.partition(new Set(island.map(({ address }) => address)));
  }

  private cutOneWay({ name, address }: RecordNode): void {
    this.note(`${name} is not heard`);
    this.cluster.pool.network.cut(from => from === address);
  }

  /** The network is whole and as good as it gets for this pool, and everybody awake; most of those that are down stay down. */
  private quiet(): void {
    const { cluster } = this;
    this.note('quiet');
    cluster.pool.network.heal();
    const { conditions } = cluster.pool.network;
    cluster.pool.network.conditions = { ...conditions, loss: Math.min(conditions.loss, 0.05) };
    for (const node of cluster.nodes) node.resume();
    // Whom all join by: without them, two who have each lost the other never meet again.
    for (const node of cluster.nodes.slice(0, 2)) node.start();
  }

  /** What must stay bounded. */
  private excesses(): string[] {
    return this.cluster.running.flatMap(({ name, log }) => {
      const { backlog = 0, links = 0 } = log?.report() ?? {};
      return backlog > 0 || links > 4 * this.size ? [`${name}: ${backlog} frames wait, ${links} links`] : [];
    });
  }

  private choose<T>(items: readonly T[]): T {
    return this.cluster.pick(items) as T;
  }

  private chance(probability: number): boolean {
    return this.cluster.pool.random.next() < probability;
  }

  private below(count: number): number {
    return randomInteger(this.cluster.pool.random, count);
  }

  private note(what: string): void {
    this.log.push(`${(this.cluster.pool.clock.now() / 1000).toFixed(1)} ${what}`);
  }
}
