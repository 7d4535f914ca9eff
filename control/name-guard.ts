/**
 * Our name at another address: another node has it, or it is what the pool remembers of our former life there.
 * Whoever answers there to our name decides it (seniority.ts); nobody answering, the name is ours.
 */
import type { Clock } from '../dataplane/clock.ts';
import type { PendingAcks } from './acks.ts';
import type { GossipProfile } from './constants.ts';
import type { Counters } from './counters.ts';
import { type Endpoint, endpointKey, formatEndpoint, isUsable, sameEndpoint } from './endpoint.ts';
import type { LocalNode } from './local-node.ts';
import type { Log } from './log.ts';
import type { MemberTable } from './member-table.ts';
import { isUp } from './members.ts';
import type { Outbox } from './outbox.ts';
import { decodeSeniority, isSenior } from './seniority.ts';

/** Pings before "nobody answers" is believed: at 10 % loss each way they all go unanswered once in 770 times. */
const TRIES = 4;

/** An address is not asked again for so long, in milliseconds. */
const RECHECK_AFTER = 10_000;

/** Members that are told of the end of a former life. */
const MAX_TOLD = 16;

/**
 * Addresses asked in so long; an honest conflict has one or two. Whoever forges news of our name at more of them gets no more out
 * of us: 13 pings a second, three farewells, three pieces of news.
 */
const MAX_CHECKS = 32;

interface Check {
  readonly startedAt: number;
  isRunning: boolean;
  /** The highest incarnation heard from there. */
  incarnation: number;
}

export interface NameGuardModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly acks: PendingAcks;
  readonly outbox: Outbox;
  readonly local: LocalNode;
  readonly table: Pick<MemberTable, 'all'>;
}

export interface NameGuardOptions {
  readonly profile: GossipProfile;
  /** The other one has the older right to our name. */
  readonly onYield: (to: Endpoint) => void;
}

export class NameGuard {
  private readonly modules: NameGuardModules;
  private readonly options: NameGuardOptions;
  private readonly checks = new Map<string, Check>();

  constructor(modules: NameGuardModules, options: NameGuardOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** Our name was heard to be alive there, or somebody there pings us in our own name. */
  heard(at: Endpoint, incarnation: number): void {
    const { clock, counters, local, log } = this.modules;
    if (local.leaving || sameEndpoint(at, local.endpoint) || !isUsable(at)) return;
    this.forgetOld();
    const key = endpointKey(at);
    const known = this.checks.get(key);
    if (known !== undefined) {
      known.incarnation = Math.max(known.incarnation, incarnation);
      // Decided already, in our favour: stay ahead of it.
      if (!known.isRunning && incarnation >= local.incarnation) local.outbid(incarnation);
      return;
    }
    if (this.checks.size >= MAX_CHECKS) {
      counters.countDrop('overload');
      return;
    }
    const check: Check = { startedAt: clock.now(), isRunning: true, incarnation };
    this.checks.set(key, check);
    log.warn({ address: formatEndpoint(at) }, 'our name is in use at another address, asking there');
    this.ask(at, check, TRIES);
  }

  private ask(at: Endpoint, check: Check, triesLeft: number): void {
    const { acks, local, outbox } = this.modules;
    const sequence = acks.expect(this.options.profile.probeTimeout, {
      onAck: ack => this.decide(at, check, ack.payload),
      onTimeout: () => {
        if (triesLeft > 1) this.ask(at, check, triesLeft - 1);
        else this.claim(at, check);
      },
    });
    if (sequence === undefined) {
      check.isRunning = false;
      return;
    }
    const source = { ...local.endpoint, node: local.name };
    outbox.send(at, { type: 'ping', sequence, node: local.name, source });
  }

  private decide(at: Endpoint, check: Check, payload: Uint8Array | null): void {
    const { local, log } = this.modules;
    const theirs = decodeSeniority(payload);
    const ours = local.seniority();
    check.isRunning = false;
    if (local.leaving || theirs?.instance === ours.instance) return;
    const fields = { address: formatEndpoint(at) };
    if (isSenior(theirs, ours)) {
      log.error(fields, 'another node has our name and the older right to it');
      this.options.onYield(at);
      return;
    }
    log.error(fields, 'another node has our name, ours is the older right; rename that node');
    if (check.incarnation >= local.incarnation) local.outbid(check.incarnation);
  }

  private claim(at: Endpoint, check: Check): void {
    const { local, log } = this.modules;
    check.isRunning = false;
    if (local.leaving) return;
    log.info({ address: formatEndpoint(at) }, 'nobody there answers to our name, claiming it');
    // Whoever knows that life by a higher incarnation than we have heard of has it from us.
    const last = Math.max(check.incarnation, local.incarnation);
    local.outbid(last);
    this.bidFarewell(last);
  }

  /**
   * Of the life there, which cannot do it any more: a live member is nowhere believed at another address (memberlist, aliveNode()), one that has left is at once. Without it the
   * pool waits until it has given that life up. Somebody who lives there all the same refutes it.
   *
   * In one datagram between two of what we are now. Who knows us here takes the first, so that the farewell is old to him: he must not
   * hold us for gone because somebody has mentioned an address. Who knows us there takes the last, and never passes on the farewell alone.
   */
  private bidFarewell(incarnation: number): void {
    const { local, outbox, table } = this.modules;
    const alive = local.alive();
    let told = 0;
    for (const member of table.all()) {
      if (!isUp(member.state)) continue;
      outbox.send(member, alive, { type: 'dead', node: local.name, from: local.name, incarnation }, alive);
      // They tell the others.
      if (++told === MAX_TOLD) return;
    }
  }

  private forgetOld(): void {
    const now = this.modules.clock.now();
    for (const [key, { isRunning, startedAt }] of this.checks)
      if (!isRunning && now - startedAt >= RECHECK_AFTER) this.checks.delete(key);
  }
}
