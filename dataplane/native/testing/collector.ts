import type { Arena } from '../../arena.ts';
import type { FrameBatch } from '../../frame-batch.ts';
import type { PortHandlers } from '../native-port.ts';
import { gather } from './segments.ts';

/** A received frame, copied out of the arena. */
export interface Collected {
  readonly frame: Buffer;
  readonly encapsulation: Buffer;
  readonly flags: number;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly headerLength: number;
  readonly csumStart: number;
  readonly csumOffset: number;
  readonly port: number;
  readonly family: number;
  readonly tos: number;
  readonly address: Buffer;
}

/** Handlers that keep everything, and promises for what is still to come. */
export class Collector implements PortHandlers {
  readonly frames: Collected[] = [];
  readonly batches: number[] = [];
  readonly lost: number[] = [];
  private readonly arena: Arena;
  private readonly accept: (frame: Buffer) => boolean;
  private waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  constructor(arena: Arena, accept: (frame: Buffer) => boolean = () => true) {
    this.arena = arena;
    this.accept = accept;
  }

  onFrames = (batch: FrameBatch, count: number): void => {
    this.batches.push(count);
    for (let i = 0; i < count; i++) {
      const collected = this.copy(batch, i);
      if (this.accept(collected.frame)) this.frames.push(collected);
    }
    this.check();
  };

  onLost = (errno: number): void => {
    this.lost.push(errno);
    this.check();
  };

  /** Resolves once `count` frames in all have been kept. */
  atLeast(count: number): Promise<void> {
    return this.until(() => this.frames.length >= count);
  }

  /** Resolves once the port is lost. */
  untilLost(): Promise<void> {
    return this.until(() => this.lost.length > 0);
  }

  private until(done: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.waiting.push({ done, resolve });
      this.check();
    });
  }

  private check(): void {
    for (const { resolve } of this.waiting.filter(({ done }) => done())) resolve();
    this.waiting = this.waiting.filter(({ done }) => !done());
  }

  private copy(batch: FrameBatch, i: number): Collected {
    const { memory } = this.arena;
    const offset = batch.offset(i);
    const encap = batch.encapLength(i);
    const address = Buffer.alloc(16);
    for (let word = 0; word < 4; word++) address.writeUInt32LE(batch.addressWord(i, word), 4 * word);
    return {
      frame: gather(memory, this.arena.pieceTable, batch, i).frame,
      encapsulation: Buffer.from(memory.slice(offset - encap, offset)),
      flags: batch.flags(i),
      gsoType: batch.gsoType(i),
      gsoSize: batch.gsoSize(i),
      headerLength: batch.headerLength(i),
      csumStart: batch.csumStart(i),
      csumOffset: batch.csumOffset(i),
      port: batch.port(i),
      family: batch.family(i),
      tos: batch.tos(i),
      address: address.subarray(0, batch.family(i) === 6 ? 16 : 4),
    };
  }
}
