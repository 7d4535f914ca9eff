/**
 * Keeps trying the configured `join` addresses for as long as one of them has no member that is up: a seed may start
 * later than we do, and a pool that has split finds itself again through them. While all of them have one it sleeps.
 */
import type { Clock } from '../dataplane/clock.ts';
import type { PendingAcks } from './acks.ts';
import type { GossipProfile } from './constants.ts';
import { type Endpoint, formatEndpoint, isUsable, type JoinTarget, sameEndpoint } from './endpoint.ts';
import type { ExchangeResult } from './exchanger.ts';
import type { LocalNode } from './local-node.ts';
import type { Log } from './log.ts';
import type { MemberTable } from './member-table.ts';
import { isUp } from './members.ts';
import { OnDemand } from './on-demand.ts';
import type { Outbox } from './outbox.ts';
import type { GossipPort } from './port.ts';
import type { Random } from './random.ts';

/** How often the list is looked at while one of it is missing, in milliseconds. */
const CHECK_INTERVAL = 250;

/** No try follows another sooner, whatever the jitter, in milliseconds. */
const SHORTEST_WAIT = 100;

/** A name that resolves to more addresses is tried at this many. */
const MAX_ADDRESSES = 8;

/** Backoff doublings that are counted: beyond, it has long reached any maximum. */
const MAX_DOUBLINGS = 20;

/** Exponential backoff with full jitter, in milliseconds: uniform in [0, min(max, min·2^failures)]. */
export function joinWait(
  { joinBackoffMin, joinBackoffMax }: Pick<GossipProfile, 'joinBackoffMin' | 'joinBackoffMax'>,
  failures: number,
  random: Random,
): number {
  const longest = Math.min(joinBackoffMax, joinBackoffMin * 2 ** Math.min(failures, MAX_DOUBLINGS));
  return Math.max(SHORTEST_WAIT, random.next() * longest);
}

export interface JoinerModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly port: Pick<GossipPort, 'resolve'>;
  readonly acks: PendingAcks;
  readonly table: MemberTable;
  readonly outbox: Outbox;
  readonly local: LocalNode;
  readonly exchanger: { exchange(to: Endpoint, join: boolean, done: (result: ExchangeResult) => void): void };
}

interface Entry {
  readonly target: JoinTarget;
  /** What the target resolved to last. */
  endpoints: readonly Endpoint[];
  tries: number;
  dueAt: number;
  knockAt: number;
  /** The number of the try under way, if one is. A later one makes it void. */
  current: number | undefined;
  /** Knock only where the last try failed: who answers but advertises another address would be tried at each knock. */
  isSilent: boolean;
}

export class Joiner {
  private readonly modules: JoinerModules;
  private readonly profile: GossipProfile;
  private entries: readonly Entry[] = [];
  private readonly checks: OnDemand;
  private tries = 0;

  constructor(
    modules: JoinerModules,
    options: { readonly profile: GossipProfile; readonly join: readonly JoinTarget[] },
  ) {
    this.modules = modules;
    this.profile = options.profile;
    this.checks = new OnDemand(modules, {
      wait: () => CHECK_INTERVAL,
      // One that is there again is looked at once more, for the next time that it is missing.
      isNeeded: () => this.entries.some(entry => entry.tries > 0 || !this.isRepresented(entry)),
      action: () => this.check(),
    });
    this.setTargets(options.join);
  }

  start(): void {
    this.checks.start(0);
  }

  /**
   * From now on these are tried, each once however often it is named. What is known of one that stays is kept; members that came by one that goes
   * stay members.
   */
  setTargets(join: readonly JoinTarget[]): void {
    const now = this.modules.clock.now();
    const known = new Map(this.entries.map(entry => [entry.target.text, entry]));
    const wanted = new Map(
      join.map(target => [target.text, known.get(target.text) ?? newEntry(target, now)]),
    );
    this.entries = [...wanted.values()];
    this.checks.wake();
  }

  stop(): void {
    this.checks.stop();
  }

  /** Somebody came, went or moved. */
  membersChanged(): void {
    this.checks.wake();
  }

  private check(): void {
    for (const entry of this.entries) {
      const now = this.modules.clock.now();
      if (this.isRepresented(entry)) {
        entry.tries = 0;
        entry.dueAt = now;
      } else if (entry.current === undefined && now >= entry.dueAt) this.try(entry);
      else if (entry.isSilent && now >= entry.knockAt) this.knock(entry);
    }
  }

  private isRepresented({ endpoints }: Entry): boolean {
    return endpoints.length > 0 && endpoints.every(endpoint => !this.isMissing(endpoint));
  }

  /** Joining ourselves is no use and no harm: our own address counts as represented. */
  private isMissing(endpoint: Endpoint): boolean {
    if (sameEndpoint(endpoint, this.modules.local.endpoint)) return false;
    const member = this.modules.table.at(endpoint);
    return member === undefined || !isUp(member.state);
  }

  private try(entry: Entry): void {
    const { target } = entry;
    this.tries += 1;
    const number = this.tries;
    entry.current = number;
    if (target.address !== undefined) {
      this.exchangeWithAll(entry, number);
      return;
    }
    this.modules.port.resolve(target.host, addresses => {
      entry.endpoints = addresses
        .slice(0, MAX_ADDRESSES)
        .map(address => ({ address, port: target.port }))
        .filter(isUsable);
      if (this.isUnderWay(entry, number)) this.exchangeWithAll(entry, number);
    });
  }

  private exchangeWithAll(entry: Entry, number: number): void {
    const missing = entry.endpoints.filter(endpoint => this.isMissing(endpoint));
    if (missing.length === 0) {
      this.conclude(entry, number, entry.endpoints.length === 0 ? ['its name does not resolve'] : []);
      return;
    }
    const results: ExchangeResult[] = [];
    for (const endpoint of missing) {
      this.modules.exchanger.exchange(endpoint, true, result => {
        results.push(result);
        if (result === undefined) {
          this.modules.log.info(
            { target: entry.target.text, address: formatEndpoint(endpoint) },
            'exchanged members with a join address',
          );
        }
        if (results.length === missing.length) this.conclude(entry, number, results);
      });
    }
  }

  /** Neither did a later try begin, nor is the target no more one of ours. */
  private isUnderWay(entry: Entry, number: number): boolean {
    return entry.current === number && this.entries.includes(entry);
  }

  private conclude(entry: Entry, number: number, results: readonly ExchangeResult[]): void {
    if (!this.isUnderWay(entry, number)) return;
    const { clock, log, random } = this.modules;
    const error = results.find(result => result !== undefined);
    const wait = joinWait(this.profile, entry.tries, random);
    const fields = { target: entry.target.text, reason: error, retry_ms: Math.round(wait) };
    if (error !== undefined && entry.tries === 0) log.warn(fields, 'cannot join, will keep trying');
    else if (error !== undefined) log.debug(fields, 'still cannot join');
    entry.current = undefined;
    entry.isSilent = error !== undefined;
    entry.tries += 1;
    entry.dueAt = clock.now() + wait;
    entry.knockAt = clock.now() + this.profile.knockInterval;
    this.checks.wake();
  }

  /** A ping for nobody by name, which any memberlist node acks: cheap enough to find a late seed within seconds. */
  private knock(entry: Entry): void {
    const { acks, clock, local, outbox } = this.modules;
    entry.knockAt = clock.now() + this.profile.knockInterval;
    for (const endpoint of entry.endpoints.filter(candidate => this.isMissing(candidate))) {
      const sequence = acks.expect(this.profile.knockInterval, {
        // Also instead of a try that still hangs on a path that was broken.
        onAck: () => {
          entry.isSilent = false;
          if (this.entries.includes(entry)) this.try(entry);
        },
      });
      if (sequence === undefined) return;
      outbox.send(endpoint, {
        type: 'ping',
        sequence,
        node: '',
        source: { ...local.endpoint, node: local.name },
      });
    }
  }
}

function newEntry(target: JoinTarget, now: number): Entry {
  return {
    target,
    endpoints: target.address === undefined ? [] : [{ address: target.address, port: target.port }],
    tries: 0,
    dueAt: now,
    knockAt: now,
    current: undefined,
    isSilent: false,
  };
}
