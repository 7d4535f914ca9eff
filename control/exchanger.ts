/**
 * Push/pull: two nodes exchange all they know over a stream. It is how a node joins, how it learns of its own former
 * life, and what repairs whatever gossip has missed (memberlist; SWIM has only the gossip).
 */
import type { IpAddress } from '../dataplane/address.ts';
import type { Clock, Timer } from '../dataplane/clock.ts';
import type { GossipProfile } from './constants.ts';
import type { Counters } from './counters.ts';
import { type Endpoint, formatEndpoint, sameEndpoint } from './endpoint.ts';
import type { LocalNode } from './local-node.ts';
import type { Log } from './log.ts';
import type { MemberTable } from './member-table.ts';
import { isUp } from './members.ts';
import type { Membership } from './membership.ts';
import type { GossipPort, StreamOutcome } from './port.ts';
import type { Random } from './random.ts';
import { Repeater } from './repeater.ts';
import type { Serf } from './serf/serf.ts';
import { encodePushPull, type NodeState, type PushPull } from './stream.ts';

/** Above this many nodes the interval grows, so that the whole state does not travel ever more often (memberlist). */
const SCALE_THRESHOLD = 32;

/** The first and the longest wait before a peer that holds old news of us is told again, in milliseconds. */
const REASSERT_FIRST = 1000;
const REASSERT_LONGEST = 30_000;

/** The first exchange comes within this part of the interval: it repairs what gossip has missed while we joined. */
const FIRST_WAIT_PART = 1 / 4;

/** The interval in a pool of `poolSize` nodes, in milliseconds. */
export function pushPullWait(interval: number, poolSize: number): number {
  if (poolSize <= SCALE_THRESHOLD) return interval;
  return interval * (Math.ceil(Math.log2(poolSize) - Math.log2(SCALE_THRESHOLD)) + 1);
}

export interface ExchangerModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  readonly port: GossipPort;
  readonly table: MemberTable;
  readonly membership: Membership;
  readonly local: LocalNode;
  readonly serf: Pick<Serf, 'userState' | 'merge'>;
}

/** `undefined`: it succeeded; otherwise why not. */
export type ExchangeResult = string | undefined;

export class Exchanger {
  private readonly modules: ExchangerModules;
  private readonly profile: GossipProfile;
  private readonly repeater: Repeater;
  private reasserting: Timer | undefined;
  private reassertWait = REASSERT_FIRST;
  private isStopped = false;

  constructor(modules: ExchangerModules, options: { readonly profile: GossipProfile }) {
    this.modules = modules;
    this.profile = options.profile;
    const wait = (): number => pushPullWait(this.profile.pushPullInterval, this.modules.table.poolSize);
    this.repeater = new Repeater(modules, { wait, action: () => this.exchangeWithAny() });
  }

  start(firstWait = this.modules.random.next() * FIRST_WAIT_PART * this.profile.pushPullInterval): void {
    this.repeater.start(firstWait);
  }

  stop(): void {
    this.isStopped = true;
    this.repeater.stop();
    this.reasserting?.cancel();
  }

  exchange(to: Endpoint, join: boolean, done: (result: ExchangeResult) => void): void {
    const { counters, port } = this.modules;
    counters.countSent('pushPull');
    port.exchange(to, this.encodeState(join), outcome => {
      if (!this.isStopped) done(this.conclude(to, outcome));
    });
  }

  /** Our side of an exchange that a peer has opened. The answer is what we knew before. */
  answer(from: IpAddress, message: PushPull): Uint8Array {
    const { clock, counters, table } = this.modules;
    const reply = this.encodeState(false);
    counters.countSent('pushPull');
    this.merge(message, true);
    table.seenAtAddress(from, clock.now());
    return reply;
  }

  private conclude(to: Endpoint, outcome: StreamOutcome): ExchangeResult {
    const { clock, counters, table } = this.modules;
    if (!outcome.ok) return outcome.error;
    const { message } = outcome;
    counters.countReceived(message.type);
    if (message.type === 'err') return `the peer refused: ${JSON.stringify(message.error.slice(0, 200))}`;
    if (message.type === 'unserved') {
      counters.countDrop(message.reason);
      return `the peer's answer cannot be read: ${message.reason}`;
    }
    if (message.type !== 'pushPull') return `the peer answered with ${message.type}`;
    // Who knew nobody has nobody to tell: the peer's pool knows all this, and gossiping it again would only cost.
    this.merge(message, table.upCount > 0);
    table.seenAt(to, clock.now());
    this.checkOwnState(to, message.nodes);
    return undefined;
  }

  /** memberlist `mergeState`. */
  private merge({ nodes, userState }: PushPull, tell: boolean): void {
    const { local, membership, serf } = this.modules;
    serf.merge(userState);
    for (const { name: node, state, incarnation, address, port, meta, version } of nodes) {
      if (state === 'alive') {
        membership.alive({ type: 'alive', node, address, port, incarnation, meta, version }, tell);
      } else if (state === 'left') {
        membership.dead({ type: 'dead', node, incarnation, from: node });
      } else {
        // Whom a peer suspects there is up to it still: it believes us nowhere else.
        const isElsewhere = node === local.name && !sameEndpoint({ address, port }, local.endpoint);
        if (state === 'suspect' && isElsewhere) membership.namesake({ address, port }, incarnation);
        // A peer's dead are only suspects to us: they get the time to refute.
        membership.suspect({ type: 'suspect', node, incarnation, from: local.name });
      }
    }
  }

  /**
   * A peer that holds our name for gone, or for somewhere else, is told again soon: it neither gossips to us nor
   * believes us before the old entry is dead to it.
   */
  private checkOwnState(peer: Endpoint, nodes: readonly NodeState[]): void {
    const { clock, local } = this.modules;
    const ours = nodes.find(node => node.name === local.name);
    if (ours === undefined || local.leaving) return;
    if (ours.state === 'alive' && sameEndpoint(ours, local.endpoint)) {
      this.reassertWait = REASSERT_FIRST;
      return;
    }
    if (this.reasserting !== undefined) return;
    this.reasserting = clock.after(this.reassertWait, () => {
      this.reasserting = undefined;
      this.exchange(peer, false, () => undefined);
    });
    this.reassertWait = Math.min(REASSERT_LONGEST, 2 * this.reassertWait);
  }

  private exchangeWithAny(): void {
    const { log, random, table } = this.modules;
    const [peer] = table.sample(random, 1, ({ state }) => state === 'alive');
    if (peer === undefined) return;
    this.exchange(peer, false, error => {
      if (error !== undefined) {
        log.debug({ peer: peer.name, address: formatEndpoint(peer), reason: error }, 'push/pull failed');
      }
    });
  }

  private encodeState(join: boolean): Uint8Array {
    return encodePushPull({ join, nodes: this.localState(), userState: this.modules.serf.userState() });
  }

  private localState(): NodeState[] {
    const nodes = [this.modules.local.state()];
    for (const { name, address, port, incarnation, state, meta, version } of this.modules.table.all()) {
      nodes.push({ name, address, port, incarnation, state, meta, version });
    }
    return nodes;
  }
}

/** Tries a stream to a dead member now and then: what heals a split that no join list spans (serf's reconnect). */
export class Reconnector {
  private readonly modules: Pick<ExchangerModules, 'clock' | 'random' | 'table'> & {
    readonly exchanger: Exchanger;
  };
  private readonly repeater: Repeater;
  private readonly profile: GossipProfile;

  constructor(modules: Reconnector['modules'], options: { readonly profile: GossipProfile }) {
    this.modules = modules;
    this.profile = options.profile;
    const wait = (): number => this.profile.reconnectInterval;
    this.repeater = new Repeater(modules, { wait, action: () => this.reconnect() });
  }

  start(): void {
    this.repeater.start(this.modules.random.next() * this.profile.reconnectInterval);
  }

  stop(): void {
    this.repeater.stop();
  }

  /** With probability dead/alive: the pool as a whole tries each of its dead about once per interval. */
  private reconnect(): void {
    const { exchanger, random, table } = this.modules;
    let dead = 0;
    for (const { state } of table.all()) if (state === 'dead') dead += 1;
    if (random.next() * Math.max(1, table.upCount) >= dead) return;
    const [member] = table.sample(random, 1, ({ state }) => state === 'dead');
    if (member !== undefined && !isUp(member.state)) exchanger.exchange(member, false, () => undefined);
  }
}
