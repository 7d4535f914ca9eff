/** Answers pings, and pings for others (SWIM section 3.1). */
import type { IpAddress } from '../dataplane/address.ts';
import type { PendingAcks } from './acks.ts';
import type { GossipProfile } from './constants.ts';
import type { Counters } from './counters.ts';
import { type Endpoint, isUsable, sameEndpoint } from './endpoint.ts';
import type { LocalNode } from './local-node.ts';
import type { MemberTable } from './member-table.ts';
import type { Ack, IndirectPing, Message, Ping } from './message.ts';
import type { Cause, Outbox } from './outbox.ts';
import { encodeSeniority } from './seniority.ts';

/** Pings for others under way: a part of MAX_PENDING_ACKS, so that our own always find room. */
const MAX_RELAYED = 1024;

/**
 * When a helper says nack, as a part of the time that is left to whoever asked it: late enough for the target to answer, and so early that it
 * arrives before he judges (Lifeguard section IV-A). memberlist waits for the whole of it, and so counts its helpers as silent.
 */
const NACK_SHARE = 0.8;

export interface ResponderModules {
  readonly acks: PendingAcks;
  readonly counters: Counters;
  readonly table: MemberTable;
  readonly outbox: Outbox;
  readonly local: LocalNode;
}

export interface ResponderOptions {
  readonly profile: GossipProfile;
  /** Somebody of our own name pings us from that address. */
  readonly onNamesake: (at: Endpoint) => void;
  /** Somebody of another name pings us by ours, from `from`; he says that he is at `source`. */
  readonly onPinged: (source: Endpoint, from: Endpoint) => void;
}

export class Responder {
  private readonly modules: ResponderModules;
  private readonly options: ResponderOptions;
  private relayed = 0;

  constructor(modules: ResponderModules, options: ResponderOptions) {
    this.modules = modules;
    this.options = options;
  }

  /** `cause`: its datagram. */
  ping(ping: Ping, from: Endpoint, cause: Cause): void {
    const { outbox } = this.modules;
    const ack = this.answer(ping, from.address);
    if (ack === undefined) return;
    const { source, node } = ping;
    if (source !== undefined && node !== '' && source.node !== node) this.options.onPinged(source, from);
    const to = this.addressee(source, from);
    if (!isUsable(to)) this.modules.counters.countDrop('badAddress');
    else outbox.answer(to, cause, ack, this.accusation(ping));
  }

  /**
   * Where an answer goes: to where the asker says he is, if the datagram came from that address or somebody we know is
   * there, otherwise back. Anybody can name the address of anybody else.
   */
  private addressee(source: Endpoint | undefined, from: Endpoint): Endpoint {
    if (source === undefined) return from;
    return source.address === from.address || this.isMember(source) ? source : from;
  }

  private isMember(endpoint: Endpoint): boolean {
    return this.modules.table.at(endpoint) !== undefined;
  }

  /** Who pings us and yet is suspect or gone by what we know, should hear of it, to refute it. */
  private accusation({ source }: Ping): Message[] {
    const { local, table } = this.modules;
    const known = source === undefined ? undefined : table.at(source);
    if (known === undefined || known.name !== source?.node) return [];
    const { name: node, incarnation } = known;
    switch (known.state) {
      case 'alive':
        return [];
      case 'suspect':
        return [{ type: 'suspect', node, incarnation, from: local.name }];
      case 'dead':
        return [{ type: 'dead', node, incarnation, from: local.name }];
      case 'left':
        return [{ type: 'dead', node, incarnation, from: node }];
    }
  }

  /** The ack of a ping that came from there, also on a stream; undefined if it is not for us. */
  answer(ping: Ping, from: IpAddress): Ack | undefined {
    const { counters, local, table } = this.modules;
    // An empty name asks whoever is there, as in memberlist.
    if (ping.node !== '' && ping.node !== local.name) {
      counters.countDrop('notForUs');
      return undefined;
    }
    const { source } = ping;
    const isNamesake = source?.node === local.name && !sameEndpoint(source, local.endpoint);
    if (isNamesake && ping.node === local.name) {
      // Anybody can say that our name is at the address of anybody else: only who is there himself makes us ask there.
      if (source.address === from) this.options.onNamesake(source);
      return { type: 'ack', sequence: ping.sequence, payload: encodeSeniority(local.seniority()) };
    }
    // A member that pings us by name has heard that this name is at this address, and believes it.
    if (ping.node === local.name && source !== undefined && table.at(source)?.name === source.node) {
      local.confirm();
    }
    return { type: 'ack', sequence: ping.sequence, payload: null };
  }

  /** `cause`: its datagram. */
  indirectPing(request: IndirectPing, from: Endpoint, cause: Cause): void {
    const { acks, counters, local, outbox } = this.modules;
    const target: Endpoint = { address: request.target, port: request.port };
    const asker = this.addressee(request.source, from);
    if (!isUsable(target) || !isUsable(asker)) {
      counters.countDrop('badAddress');
      return;
    }
    // Members ask for members: for strangers nothing is remembered, and nothing sent to where they point.
    if (!this.isMember(asker) || !this.isMember(target)) {
      counters.countDrop('stranger');
      return;
    }
    if (this.relayed >= MAX_RELAYED) {
      counters.countDrop('overload');
      return;
    }
    const done = (): void => {
      this.relayed -= 1;
    };
    const { probeInterval, probeTimeout } = this.options.profile;
    // Who asks has waited for one timeout itself; of its period the rest is left.
    const left = Math.min(probeTimeout, probeInterval - probeTimeout);
    const nack = () => outbox.send(asker, { type: 'nack', sequence: request.sequence });
    const sequence = acks.expect(probeTimeout, {
      ...(request.nack && { early: { after: NACK_SHARE * left, call: nack } }),
      onAck: () => {
        done();
        outbox.send(asker, { type: 'ack', sequence: request.sequence, payload: null });
      },
      onTimeout: done,
    });
    if (sequence === undefined) {
      counters.countDrop('overload');
      return;
    }
    const source = { ...local.endpoint, node: local.name };
    // A request is longer than its ping, but a datagram may hold many.
    if (outbox.answer(target, cause, undefined, [{ type: 'ping', sequence, node: request.node, source }])) {
      this.relayed += 1;
    } else {
      acks.forget(sequence);
      counters.countDrop('overload');
    }
  }
}
