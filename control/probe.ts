/**
 * The failure detector (SWIM section 3.1). In each protocol period one member is probed:
 *
 *   us ── ping ──────────────────────────► target        probeTimeout for the ack
 *   us ── indirectPing ─► k others ─ ping ► target        what is left of the period for an ack by any way,
 *   us ── ping on a stream ───────────────► target        also for one on a stream, where UDP is what fails
 *   nothing: the target is suspected
 *
 * The period is probeInterval, times health + 1. What we hear from those who should have answered, and how late we are
 * ourselves, changes our health (Lifeguard section IV-A).
 */
import type { Clock } from '../dataplane/clock.ts';
import type { PendingAcks } from './acks.ts';
import type { GossipProfile } from './constants.ts';
import { ackedDirectly, ackedIndirectly, unanswered } from './contact.ts';
import { type Endpoint, formatEndpoint, sameEndpoint } from './endpoint.ts';
import type { Health } from './health.ts';
import type { LocalNode } from './local-node.ts';
import type { Log } from './log.ts';
import type { LoopDelay } from './loop-delay.ts';
import type { MemberTable } from './member-table.ts';
import type { Member } from './members.ts';
import { encodeMessage, type Message, type Source, type Suspect } from './message.ts';
import type { Outbox } from './outbox.ts';
import type { GossipPort } from './port.ts';
import { ProbeOrder } from './probe-order.ts';
import type { Random } from './random.ts';
import { Repeater } from './repeater.ts';

/** memberlist answers a ping on a stream from protocol 3 on. */
const STREAM_PING_PROTOCOL = 3;

/** memberlist sends a nack from protocol 4 on; the second byte of a version is the highest understood. */
const NACK_PROTOCOL = 4;

export interface ProberModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly acks: PendingAcks;
  readonly table: MemberTable;
  readonly outbox: Outbox;
  readonly local: LocalNode;
  readonly log: Log;
  readonly port: Pick<GossipPort, 'exchange'>;
  readonly health: Health;
  readonly loopDelay: LoopDelay;
}

/** A peer that UDP does not reach is not named more often, in milliseconds. */
const WARN_INTERVAL = 60_000;

/** One probe under way. */
interface Probe {
  readonly target: Member;
  readonly sequence: number;
  /** When the ping went, in milliseconds. */
  readonly sentAt: number;
  /** Others were asked to ping it for us. */
  hasHelpers: boolean;
  /** Acked, or given up: what comes now is of no consequence. */
  isOver: boolean;
  nacksExpected: number;
  nacks: number;
  /** It answered on a stream. */
  hasStream: boolean;
}

export class Prober {
  /** Who is probed next; new members are to be added. */
  readonly order: ProbeOrder;
  private readonly modules: ProberModules;
  private readonly profile: GossipProfile;
  private readonly onFailure: (suspicion: Suspect) => void;
  private readonly repeater: Repeater;
  private warnedAt = Number.NEGATIVE_INFINITY;

  constructor(
    modules: ProberModules,
    options: { readonly profile: GossipProfile; readonly onFailure: (suspicion: Suspect) => void },
  ) {
    this.modules = modules;
    this.profile = options.profile;
    this.onFailure = options.onFailure;
    this.order = new ProbeOrder(modules);
    this.repeater = new Repeater(modules, {
      wait: () => this.period,
      action: () => this.probeNext(),
    });
  }

  /** Nodes that start together do not probe together. */
  start(): void {
    this.repeater.start(this.modules.random.next() * this.profile.probeInterval);
  }

  stop(): void {
    this.repeater.stop();
  }

  private get period(): number {
    return this.profile.probeInterval * this.modules.health.factor;
  }

  private probeNext(): void {
    const { health, loopDelay } = this.modules;
    // Half of what an ack has: from there on answers that were in time are taken for late ones.
    if (loopDelay.takeLongest() > this.profile.probeTimeout / 2) health.change(+1);
    const target = this.order.next();
    if (target === undefined) return;
    this.probe(target, isThere => {
      if (!isThere) this.onFailure(this.suspicionOf(target));
    });
  }

  /** One probe of a member, outside the order too. `done` is called once, within the period. */
  probe(target: Member, done: (isThere: boolean) => void): void {
    const { acks, clock, health, outbox } = this.modules;
    const { period } = this;
    const due = clock.now() + period;
    const asking = clock.after(this.profile.probeTimeout, () => this.askOthers(probe));
    const sequence = acks.expect(period, {
      onAck: (_, from) => {
        asking.cancel();
        this.acked(probe, from);
        health.change(-1);
        done(true);
      },
      onNack: () => {
        probe.nacks += 1;
      },
      onTimeout: () => {
        asking.cancel();
        done(this.conclude(probe, clock.now() - due));
      },
    });
    const probe: Probe = {
      target,
      sequence: sequence ?? 0,
      sentAt: clock.now(),
      hasHelpers: false,
      isOver: false,
      nacksExpected: 0,
      nacks: 0,
      hasStream: false,
    };
    if (sequence === undefined) {
      // Too busy to ask is no reason to accuse.
      asking.cancel();
      done(true);
      return;
    }
    const messages: Message[] = [{ type: 'ping', sequence, node: target.name, source: this.source() }];
    // Lifeguard section IV-C, the buddy system: a suspect is the first who should hear of it.
    if (target.state === 'suspect') messages.push(this.suspicionOf(target));
    outbox.send(target, ...messages);
  }

  private acked(probe: Probe, from: Endpoint): void {
    const { clock, table } = this.modules;
    const { name } = probe.target;
    const now = clock.now();
    probe.isOver = true;
    table.seen(name, now);
    // A member with several addresses may ack from another one: while nobody else was asked, it is its own ack all the same.
    const isDirect = !probe.hasHelpers || sameEndpoint(from, probe.target);
    table.probed(name, before =>
      isDirect ? ackedDirectly(before, now, now - probe.sentAt) : ackedIndirectly(before, now),
    );
  }

  /** Nobody has acked. Returns whether the target is held for there all the same. `late`: how much later than due, in ms. */
  private conclude(probe: Probe, late: number): boolean {
    const { clock, health, log, table } = this.modules;
    const { target, nacks, nacksExpected, hasStream } = probe;
    probe.isOver = true;
    if (hasStream) {
      if (clock.now() - this.warnedAt < WARN_INTERVAL) return true;
      this.warnedAt = clock.now();
      log.warn(
        { peer: target.name, address: formatEndpoint(target) },
        'a peer answers on TCP only, UDP does not pass',
      );
      return true;
    }
    if (late > this.profile.probeTimeout / 2) {
      // We did not run ourselves: what the target did meanwhile is not known.
      health.change(+1);
      return true;
    }
    table.probed(target.name, unanswered);
    health.change(nacksExpected > 0 ? Math.max(0, nacksExpected - nacks) : 1);
    return false;
  }

  private askOthers(probe: Probe): void {
    const { outbox, random, table } = this.modules;
    const { target, sequence } = probe;
    const helpers = table.sample(
      random,
      this.profile.indirectProbes,
      member => member.state === 'alive' && member.name !== target.name,
    );
    probe.hasHelpers = helpers.length > 0;
    for (const helper of helpers) {
      const nack = (helper.version[1] ?? 0) >= NACK_PROTOCOL;
      if (nack) probe.nacksExpected += 1;
      outbox.send(helper, {
        type: 'indirectPing',
        sequence,
        target: target.address,
        port: target.port,
        node: target.name,
        nack,
        source: this.source(),
      });
    }
    if ((target.version[1] ?? 0) >= STREAM_PING_PROTOCOL) this.askOnStream(probe);
  }

  private askOnStream(probe: Probe): void {
    const { clock, port, table } = this.modules;
    const { target, sequence } = probe;
    const ping = encodeMessage({ type: 'ping', sequence, node: target.name, source: this.source() });
    port.exchange(target, ping, outcome => {
      if (!outcome.ok || outcome.message.type !== 'ack' || outcome.message.sequence !== sequence) return;
      probe.hasStream = true;
      const now = clock.now();
      table.seen(target.name, now);
      if (!probe.isOver) table.probed(target.name, before => ackedIndirectly(before, now));
    });
  }

  private suspicionOf({ name, incarnation }: Member): Suspect {
    return { type: 'suspect', node: name, incarnation, from: this.modules.local.name };
  }

  private source(): Source {
    return { ...this.modules.local.endpoint, node: this.modules.local.name };
  }
}
