/**
 * The failure detector (SWIM section 3.1). In each protocol period one member is probed:
 *
 *   us ── ping ──────────────────────────► target        probeTimeout for the ack
 *   us ── indirectPing ─► k others ─ ping ► target        what is left of probeInterval for an ack by any way
 *   nothing: the target is suspected
 */
import type { Clock } from '../dataplane/clock.ts';
import type { PendingAcks } from './acks.ts';
import type { GossipProfile } from './constants.ts';
import type { LocalNode } from './local-node.ts';
import type { MemberTable } from './member-table.ts';
import type { Member } from './members.ts';
import type { Message, Source, Suspect } from './message.ts';
import type { Outbox } from './outbox.ts';
import { ProbeOrder } from './probe-order.ts';
import type { Random } from './random.ts';
import { Repeater } from './repeater.ts';

/** memberlist sends a nack from protocol 4 on; the second byte of a version is the highest understood. */
const NACK_PROTOCOL = 4;

export interface ProberModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly acks: PendingAcks;
  readonly table: MemberTable;
  readonly outbox: Outbox;
  readonly local: LocalNode;
}

export class Prober {
  /** Who is probed next; new members are to be added. */
  readonly order: ProbeOrder;
  private readonly modules: ProberModules;
  private readonly profile: GossipProfile;
  private readonly onFailure: (suspicion: Suspect) => void;
  private readonly repeater: Repeater;

  constructor(
    modules: ProberModules,
    options: { readonly profile: GossipProfile; readonly onFailure: (suspicion: Suspect) => void },
  ) {
    this.modules = modules;
    this.profile = options.profile;
    this.onFailure = options.onFailure;
    this.order = new ProbeOrder(modules);
    this.repeater = new Repeater(modules, {
      wait: () => this.profile.probeInterval,
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

  private probeNext(): void {
    const target = this.order.next();
    if (target === undefined) return;
    this.probe(target, isThere => {
      if (!isThere) this.onFailure(this.suspicionOf(target));
    });
  }

  /** One probe of a member, outside the order too. `done` is called once, within `probeInterval`. */
  probe(target: Member, done: (isThere: boolean) => void): void {
    const { acks, clock, outbox, table } = this.modules;
    const asking = clock.after(this.profile.probeTimeout, () => {
      if (sequence !== undefined) this.askOthers(target, sequence);
    });
    const sequence = acks.expect(this.profile.probeInterval, {
      onAck: () => {
        asking.cancel();
        table.seen(target.name, clock.now());
        done(true);
      },
      onTimeout: () => done(false),
    });
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

  private askOthers(target: Member, sequence: number): void {
    const { outbox, random, table } = this.modules;
    const helpers = table.sample(
      random,
      this.profile.indirectProbes,
      member => member.state === 'alive' && member.name !== target.name,
    );
    for (const helper of helpers) {
      outbox.send(helper, {
        type: 'indirectPing',
        sequence,
        target: target.address,
        port: target.port,
        node: target.name,
        nack: (helper.version[1] ?? 0) >= NACK_PROTOCOL,
        source: this.source(),
      });
    }
  }

  private suspicionOf({ name, incarnation }: Member): Suspect {
    return { type: 'suspect', node: name, incarnation, from: this.modules.local.name };
  }

  private source(): Source {
    return { ...this.modules.local.endpoint, node: this.modules.local.name };
  }
}
