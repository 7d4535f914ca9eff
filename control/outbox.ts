/** Sends datagrams, and lets news ride on them (SWIM section 4.1, piggybacking). */
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

export interface OutboxModules {
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

  constructor(modules: OutboxModules, options: { readonly profile: GossipProfile }) {
    this.modules = modules;
    this.profile = options.profile;
  }

  /**
   * Sends messages in one datagram, news with them if somebody we know is there. Strangers get no more than the
   * message: a forged source address would otherwise turn a small ping into a large answer to a victim.
   */
  send(to: Endpoint, ...messages: readonly Message[]): void {
    for (const message of messages) this.modules.counters.countSent(message.type);
    this.sendEncoded(to, messages.map(encodeMessage));
  }

  /** Sends as many of the messages as fit into one datagram. */
  sendFitting(to: Endpoint, messages: readonly Message[]): void {
    let room = this.profile.packetBytes - COMPOUND_HEADER_BYTES;
    const parts: Uint8Array[] = [];
    for (const message of messages.slice(0, MAX_COMPOUND_PARTS)) {
      const part = encodeMessage(message);
      room -= part.length + COMPOUND_PART_BYTES;
      if (room < 0) break;
      this.modules.counters.countSent(message.type);
      parts.push(part);
    }
    this.sendEncoded(to, parts);
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
  private newsBeside(parts: readonly Uint8Array[]): Uint8Array[] {
    const { counters, queue, userQueue, table } = this.modules;
    if (!this.hasNews) return [];
    const limit = retransmitLimit(this.profile.retransmitMult, table.poolSize);
    const news: Uint8Array[] = [];
    for (const source of [queue, userQueue]) {
      const used = [...parts, ...news];
      const room = used.reduce(
        (left, { length }) => left - length - COMPOUND_PART_BYTES,
        this.profile.packetBytes - COMPOUND_HEADER_BYTES,
      );
      news.push(...source.take(room, limit, MAX_COMPOUND_PARTS - used.length));
    }
    if (news.length > 0) counters.countSent('broadcast', news.length);
    return news;
  }
}
