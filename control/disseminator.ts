/**
 * Gossip beside the failure detector: a few random members get what the pings did not carry yet (SWIM section 4.1). As long
 * as there is no news, or nobody to hear it, nothing wakes up.
 */
import type { Clock } from '../dataplane/clock.ts';
import type { BroadcastQueue } from './broadcast-queue.ts';
import type { GossipProfile } from './constants.ts';
import type { LocalNode } from './local-node.ts';
import type { MemberTable } from './member-table.ts';
import { isUp, type Member } from './members.ts';
import { OnDemand } from './on-demand.ts';
import type { Outbox } from './outbox.ts';
import type { Random } from './random.ts';
import type { Serf } from './serf/serf.ts';

/** A farewell is gossiped this much faster: somebody waits for it. */
const LEAVE_SPEEDUP = 4;

/** Members that hear a farewell from us directly; the others through them. */
const LEAVE_FANOUT = 16;

export interface DisseminatorModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly queue: BroadcastQueue;
  /** What the serf layer has to say. */
  readonly userQueue: BroadcastQueue;
  readonly table: MemberTable;
  readonly outbox: Outbox;
  readonly local: LocalNode;
  readonly serf: Pick<Serf, 'farewell'>;
}

export class Disseminator {
  private readonly modules: DisseminatorModules;
  private readonly profile: GossipProfile;
  private readonly rounds: OnDemand;
  private onFarewellSent: (() => void) | undefined;

  constructor(modules: DisseminatorModules, options: { readonly profile: GossipProfile }) {
    this.modules = modules;
    this.profile = options.profile;
    const wait = (): number => this.profile.gossipInterval / (this.modules.local.leaving ? LEAVE_SPEEDUP : 1);
    this.rounds = new OnDemand(modules, {
      wait,
      isNeeded: () => this.hasToSay(),
      action: () => this.gossip(),
    });
    for (const queue of [modules.queue, modules.userQueue]) queue.onPush(() => this.rounds.wake());
  }

  start(): void {
    this.rounds.start(this.modules.random.next() * this.profile.gossipInterval);
  }

  stop(): void {
    this.rounds.stop();
  }

  /** There is another listener, perhaps. */
  membersChanged(): void {
    this.rounds.wake();
  }

  /** Says farewell. `done` is called once, when it has been sent as often as any news, or after `leaveTimeout`. */
  leave(done: () => void): void {
    const { clock, local, outbox, random, serf, table } = this.modules;
    // In this order: a serf agent takes a death without the intent before it for a failure.
    const farewell = [serf.farewell(), local.leave()];
    if (table.upCount === 0) {
      clock.after(0, done);
      return;
    }
    const deadline = clock.after(this.profile.leaveTimeout, () => this.onFarewellSent?.());
    this.onFarewellSent = () => {
      this.onFarewellSent = undefined;
      deadline.cancel();
      done();
    };
    for (const member of table.sample(random, LEAVE_FANOUT, ({ state }) => isUp(state))) {
      outbox.sendEncoded(member, farewell);
    }
    this.rounds.start(this.profile.gossipInterval / LEAVE_SPEEDUP);
  }

  private hasToSay(): boolean {
    const { outbox, table } = this.modules;
    if (this.onFarewellSent !== undefined) return true;
    return outbox.hasNews && (table.upCount > 0 || table.some(member => this.isListener(member)));
  }

  private gossip(): void {
    const { local, outbox, queue, random, table } = this.modules;
    if (outbox.hasNews) {
      for (const member of table.sample(random, this.profile.gossipNodes, member =>
        this.isListener(member),
      )) {
        outbox.gossip(member);
      }
    }
    if (local.leaving && !queue.has(local.name)) this.onFarewellSent?.();
  }

  /** The dead are told for a while that they are dead: one that is alive refutes it. */
  private isListener({ state, since }: Member): boolean {
    if (isUp(state)) return true;
    return state === 'dead' && this.modules.clock.now() - since < this.profile.gossipToTheDead;
  }
}
