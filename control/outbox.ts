/** Sends datagrams, and lets news ride on them (SWIM section 4.1, piggybacking). */
import type { Clock } from '../dataplane/clock.ts';
import type { BroadcastQueue } from './broadcast-queue.ts';
import { retransmitLimit } from './broadcast-queue.ts';
import {
  CHECKSUM_PROTOCOL,
  COMPOUND_HEADER_BYTES,
  COMPOUND_PART_BYTES,
  type GossipProfile,
  MAX_COMPOUND_PARTS,
} from './constants.ts';
import type { Counters } from './counters.ts';
import type { Endpoint } from './endpoint.ts';
import type { MemberTable } from './member-table.ts';
import type { Member } from './members.ts';
import { encodeMessage, type Message } from './message.ts';
import { encodePacket } from './packet.ts';
import type { GossipPort } from './port.ts';
import type { WrapOptions } from './wire.ts';

/**
 * How much larger than their causes our answers to unauthenticated datagrams may be in all: bytes at once, and bytes a second.
 * The source of a datagram is easily forged; answers larger than their causes, even if they go to members only, would have us
 * work for whoever forges one. In peace a pool needs a tenth of it.
 */
const EXCESS_BYTES = 32_768;
const EXCESS_BYTES_PER_SECOND = 32_768;

/** A datagram that is answered. Each of its messages may have an answer: all of them together count against its size. */
export class Cause {
  private left: number;
  private hasAnswer = false;

  /** `size`: in bytes, as it arrived. */
  constructor(size: number) {
    this.left = size;
  }

  /** Bytes of it that no answer has used. */
  get bytesLeft(): number {
    return this.left;
  }

  get isAnswered(): boolean {
    return this.hasAnswer;
  }

  /** Notes an answer; returns how many of its bytes exceed what was left. */
  spend(bytes: number): number {
    const excess = Math.max(0, bytes - this.left);
    this.left = Math.max(0, this.left - bytes);
    this.hasAnswer = true;
    return excess;
  }
}

export interface OutboxModules {
  readonly clock: Pick<Clock, 'now'>;
  readonly port: GossipPort;
  readonly counters: Counters;
  readonly queue: BroadcastQueue;
  /** What the layer above spreads. */
  readonly userQueue: BroadcastQueue;
  readonly table: MemberTable;
}

export class Outbox {
  private readonly modules: OutboxModules;
  private readonly profile: GossipProfile;
  private readonly isAuthenticated: boolean;
  private excess = EXCESS_BYTES;
  private excessAt = Number.NEGATIVE_INFINITY;

  /** `isAuthenticated`: whoever we hear has a key of the pool. */
  constructor(
    modules: OutboxModules,
    options: { readonly profile: GossipProfile; readonly isAuthenticated: boolean },
  ) {
    this.modules = modules;
    this.profile = options.profile;
    this.isAuthenticated = options.isAuthenticated;
  }

  /**
   * Sends messages in one datagram, news with them if somebody we know is there. Strangers get no more than the
   * message: a forged source address would otherwise turn a small ping into a large answer to a victim.
   */
  send(to: Endpoint, ...messages: readonly Message[]): void {
    for (const message of messages) this.modules.counters.countSent(message.type);
    this.sendEncoded(to, messages.map(encodeMessage));
  }

  /**
   * Answers a datagram: the first message, if it is the first answer, in any case; then as many others, and as much news, as
   * fit and may go out to somebody who may have forged where he is. Returns whether all messages went out.
   */
  answer(to: Endpoint, cause: Cause, first: Message | undefined, others: readonly Message[]): boolean {
    const { counters, port, table } = this.modules;
    const limit = Math.min(this.profile.packetBytes, cause.bytesLeft + this.allowance());
    let size = COMPOUND_HEADER_BYTES;
    const parts: Uint8Array[] = [];
    const messages = [...(first === undefined ? [] : [first]), ...others];
    for (const message of messages.slice(0, MAX_COMPOUND_PARTS)) {
      const part = encodeMessage(message);
      const isDue = message === first && !cause.isAnswered;
      if (!isDue && size + part.length + COMPOUND_PART_BYTES > limit) break;
      size += part.length + COMPOUND_PART_BYTES;
      counters.countSent(message.type);
      parts.push(part);
    }
    const isWhole = parts.length === messages.length;
    if (table.at(to) !== undefined) parts.push(...this.newsBeside(parts, limit));
    if (parts.length === 0) return isWhole;
    const datagram = encodePacket(parts);
    this.excess -= cause.spend(datagram.length);
    counters.countDatagramSent();
    port.sendPacket(to, datagram, { checksum: false });
    return isWhole;
  }

  private allowance(): number {
    if (this.isAuthenticated) return Number.POSITIVE_INFINITY;
    const now = this.modules.clock.now();
    const gained = ((now - this.excessAt) / 1000) * EXCESS_BYTES_PER_SECOND;
    this.excess = Math.min(EXCESS_BYTES, this.excess + gained);
    this.excessAt = now;
    return Math.max(0, this.excess);
  }

  /** As `send`, of encoded messages. */
  sendEncoded(to: Endpoint, parts: readonly Uint8Array[]): void {
    const news = this.modules.table.at(to) === undefined ? [] : this.newsBeside(parts);
    this.sendParts(to, [...parts, ...news], { checksum: false });
  }

  /**
   * Sends a member news alone, or nothing if there is none. Behind a checksum if it reads them: memberlist sums what
   * it gossips, and neither pings nor acks.
   */
  gossip(to: Member): void {
    const checksum = (to.version[1] ?? 0) >= CHECKSUM_PROTOCOL;
    this.sendParts(to, this.newsBeside([]), { checksum });
  }

  private sendParts(to: Endpoint, parts: readonly Uint8Array[], options: WrapOptions): void {
    if (parts.length === 0) return;
    this.modules.counters.countDatagramSent();
    this.modules.port.sendPacket(to, encodePacket(parts), options);
  }

  /** Whether there is anything to gossip. */
  get hasNews(): boolean {
    return this.modules.queue.size + this.modules.userQueue.size > 0;
  }

  /** News of members first: the other kind may fill what room they leave. */
  private newsBeside(parts: readonly Uint8Array[], bytes = this.profile.packetBytes): Uint8Array[] {
    const { counters, queue, userQueue, table } = this.modules;
    if (!this.hasNews) return [];
    const limit = retransmitLimit(this.profile.retransmitMult, table.poolSize);
    const news: Uint8Array[] = [];
    for (const source of [queue, userQueue]) {
      const used = [...parts, ...news];
      const room = used.reduce(
        (left, { length }) => left - length - COMPOUND_PART_BYTES,
        bytes - COMPOUND_HEADER_BYTES,
      );
      news.push(...source.take(room, limit, MAX_COMPOUND_PARTS - used.length));
    }
    if (news.length > 0) counters.countSent('broadcast', news.length);
    return news;
  }
}
