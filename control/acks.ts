/** Requests that wait for an ack, by sequence number. */
import type { Clock, Timer } from '../dataplane/clock.ts';
import { MAX_PENDING_ACKS } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import type { Ack, Nack } from './message.ts';
import { type Random, randomInteger } from './random.ts';

export interface AckHandler {
  onAck(ack: Ack, from: Endpoint): void;
  onNack?(): void;
  onTimeout?(): void;
  /** Called `after` milliseconds without an ack, which may still come. */
  readonly early?: { readonly after: number; readonly call: () => void };
}

interface Waiting {
  readonly handler: AckHandler;
  readonly early: Timer | undefined;
  timer: Timer;
}

/**
 * A timer that fires so late means that we did not run, and what has come meanwhile is still in the socket: Node runs
 * timers before it reads. In milliseconds.
 */
const STALL = 100;

/** How long we read after a stall before nothing counts as no answer, in milliseconds. */
const GRACE = 100;

export class PendingAcks {
  private readonly clock: Clock;
  private readonly waiting = new Map<number, Waiting>();
  private next: number;

  /** Sequence numbers start at a random one: an ack of our former life, or a guessed one, finds nobody waiting. */
  constructor(modules: { readonly clock: Clock; readonly random: Random }) {
    this.clock = modules.clock;
    this.next = randomInteger(modules.random, 0x1_0000_0000);
  }

  /** Reserves a sequence number for `ms` milliseconds; undefined if too many are waiting. */
  expect(ms: number, handler: AckHandler): number | undefined {
    if (this.waiting.size >= MAX_PENDING_ACKS) return undefined;
    const sequence = this.next;
    this.next = (this.next + 1) >>> 0;
    const end = (): void => {
      this.waiting.delete(sequence);
      handler.onTimeout?.();
    };
    const due = this.clock.now() + ms;
    const timer = this.clock.after(ms, () => {
      if (this.clock.now() - due < STALL) end();
      else entry.timer = this.clock.after(GRACE, end);
    });
    const { early } = handler;
    const entry: Waiting = { handler, timer, early: early && this.clock.after(early.after, early.call) };
    this.waiting.set(sequence, entry);
    return sequence;
  }

  /** Returns whether somebody waited for it. */
  acked(ack: Ack, from: Endpoint): boolean {
    const entry = this.waiting.get(ack.sequence);
    if (entry === undefined) return false;
    this.forget(ack.sequence);
    entry.handler.onAck(ack, from);
    return true;
  }

  /** A nack does not end the wait: the target may still answer itself. */
  nacked(nack: Nack): boolean {
    const entry = this.waiting.get(nack.sequence);
    entry?.handler.onNack?.();
    return entry !== undefined;
  }

  forget(sequence: number): void {
    const entry = this.waiting.get(sequence);
    entry?.timer.cancel();
    entry?.early?.cancel();
    this.waiting.delete(sequence);
  }

  close(): void {
    for (const sequence of this.waiting.keys()) this.forget(sequence);
  }
}
