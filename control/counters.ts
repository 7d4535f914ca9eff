/** What was sent, received and dropped. Nothing that arrives disappears unaccounted. */
import type { Message } from './message.ts';

/** Why something that arrived, or was to be sent, went no further. The keys are the contract, the values tell people. */
export const DROP_REASONS = {
  malformed: 'bytes that do not parse',
  truncated: 'a compound datagram with a part cut off; the parts before it were used',
  checksum: 'a CRC that does not match',
  unknownType: 'a message type that memberlist does not define',
  nested: 'a wrapping of messages inside another one that never holds it',
  streamOnly: 'a message that is legal on a stream only, in a datagram',
  datagramOnly: 'a message that is legal in a datagram only, on a stream',
  compressed: 'compressed by another algorithm than LZW',
  inflated: 'compressed data that stands for more than we would ever be sent',
  encrypted: 'encrypted, and this node has no gossip.key',
  undecryptable: 'encrypted with none of our keys, or damaged',
  plaintext: 'not encrypted, and this node has a gossip.key',
  labelled: 'a label header; this pool has no label',
  userMessage: 'an application message of a kind that weft does not know',
  version: 'a node whose protocol version range does not contain ours',
  badName: 'a node name that is empty, too long or holds control characters',
  badAddress: 'an address nobody can be reached at (unspecified, multicast, port 0)',
  badIncarnation: 'an incarnation so high that nobody could refute it',
  badMeta: 'metadata longer than 512 bytes',
  notForUs: 'a ping for a node of another name',
  stranger: 'a question of, or about, somebody who is not a member',
  lateAnswer: 'an answer to a question that nobody waits for (any more)',
  lateAck: 'an ack or nack that nobody waits for (any more)',
  addressConflict: 'news of a live name at another address',
  tableFull: 'a new node while the member table is full',
  overload: 'more than is taken on at one time, or than may be answered',
  sendFailed: 'a datagram that the operating system did not take',
  streamMalformed: 'a stream whose bytes do not parse',
  streamTooLarge: 'a stream beyond its size limits',
  streamTimeout: 'a stream that did not complete in time',
  streamLimit: 'a stream beyond the number we serve at one time, in all or of one address',
  streamFailed: 'a stream that could not be opened, or broke',
} as const;

export type DropReason = keyof typeof DROP_REASONS;

/** `unserved`: a stream whose type is in `drops`. */
export type ReceivedKind = Message['type'] | 'pushPull' | 'err' | 'unserved';

/** `broadcast`: a piece of news that rides in a datagram. */
export type SentKind = Message['type'] | 'pushPull' | 'broadcast';

/** Only what has occurred is in here. */
export interface CounterReport {
  /** Message type → messages taken from datagrams and streams. */
  readonly received: Readonly<Partial<Record<ReceivedKind, number>>>;
  /** Message type → messages sent. */
  readonly sent: Readonly<Partial<Record<SentKind, number>>>;
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
}

export class Counters {
  private readonly received = new Map<ReceivedKind, number>();
  private readonly sent = new Map<SentKind, number>();
  private readonly drops = new Map<DropReason, number>();
  private datagramsReceived = 0;
  private datagramsSent = 0;

  countReceived(type: ReceivedKind): void {
    add(this.received, type);
  }

  countSent(type: SentKind, count = 1): void {
    add(this.sent, type, count);
  }

  countDrop(reason: DropReason): void {
    add(this.drops, reason);
  }

  countDatagramReceived(): void {
    this.datagramsReceived += 1;
  }

  countDatagramSent(): void {
    this.datagramsSent += 1;
  }

  report(): CounterReport {
    return {
      received: Object.fromEntries(this.received),
      sent: Object.fromEntries(this.sent),
      drops: Object.fromEntries(this.drops),
      datagramsReceived: this.datagramsReceived,
      datagramsSent: this.datagramsSent,
    };
  }
}

function add<K>(counts: Map<K, number>, key: K, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
