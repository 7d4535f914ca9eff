/** The node itself: its incarnation, which only it may raise (SWIM section 4.2), and what it says of itself. */
import type { Clock } from '../dataplane/clock.ts';
import type { BroadcastQueue } from './broadcast-queue.ts';
import { FIRST_INCARNATION, MAX_INCARNATION, PROTOCOL_VERSION } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import { type Alive, encodeMessage } from './message.ts';
import { type Random, randomInteger } from './random.ts';
import type { Seniority } from './seniority.ts';
import type { NodeState } from './stream.ts';

export class LocalNode {
  readonly name: string;
  readonly endpoint: Endpoint;
  private readonly clock: Clock;
  private readonly queue: BroadcastQueue;
  private readonly startedAt: number;
  private readonly instance: number;
  private confirmedAt: number | undefined;
  private currentIncarnation: number;
  private currentMeta: Uint8Array;
  private isLeaving = false;

  constructor(
    modules: { readonly clock: Clock; readonly random: Random; readonly queue: BroadcastQueue },
    options: {
      readonly name: string;
      readonly endpoint: Endpoint;
      readonly meta: Uint8Array;
      /** Default 1. What the pool remembers of a former life is outbid when we hear of it. */
      readonly incarnation?: number | undefined;
    },
  ) {
    this.clock = modules.clock;
    this.queue = modules.queue;
    this.name = options.name;
    this.endpoint = options.endpoint;
    this.currentMeta = options.meta;
    this.currentIncarnation = options.incarnation ?? FIRST_INCARNATION;
    this.startedAt = this.clock.now();
    this.instance = randomInteger(modules.random, 0x1_0000_0000);
  }

  get incarnation(): number {
    return this.currentIncarnation;
  }

  get meta(): Uint8Array {
    return this.currentMeta;
  }

  get leaving(): boolean {
    return this.isLeaving;
  }

  /** Queues what we are, for all to hear. */
  announce(): void {
    if (!this.isLeaving) this.queue.push(this.name, encodeMessage(this.alive()));
  }

  /** Makes ours the newest news of us, and announces it: the refutation of a suspicion, a death or an old address. */
  outbid(incarnation: number): void {
    this.currentIncarnation = Math.min(MAX_INCARNATION, Math.max(incarnation, this.currentIncarnation) + 1);
    this.announce();
  }

  setMeta(meta: Uint8Array): void {
    this.currentMeta = meta;
    this.outbid(0);
  }

  /** Queues our farewell; from now on nothing is refuted and nothing else announced. Returns the message. */
  leave(): Uint8Array {
    this.isLeaving = true;
    const farewell = encodeMessage({
      type: 'dead',
      node: this.name,
      from: this.name,
      incarnation: this.currentIncarnation,
    });
    this.queue.push(this.name, farewell);
    return farewell;
  }

  /** A peer has shown that it knows us by our name at our address: from now on the name is ours by right. */
  confirm(): void {
    this.confirmedAt ??= this.clock.now();
  }

  seniority(): Seniority {
    const now = this.clock.now();
    return {
      confirmedMs: this.confirmedAt === undefined ? 0 : Math.max(1, Math.round(now - this.confirmedAt)),
      uptimeMs: Math.round(now - this.startedAt),
      instance: this.instance,
    };
  }

  /** Our line of a push/pull. */
  state(): NodeState {
    const { type: _, node, ...rest } = this.alive();
    return { ...rest, name: node, state: this.isLeaving ? 'left' : 'alive' };
  }

  /** What we say of ourselves. */
  alive(): Alive {
    return {
      type: 'alive',
      node: this.name,
      address: this.endpoint.address,
      port: this.endpoint.port,
      incarnation: this.currentIncarnation,
      meta: this.currentMeta,
      version: PROTOCOL_VERSION,
    };
  }
}
