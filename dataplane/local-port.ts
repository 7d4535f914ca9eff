/** A TAP of a network, with the frames that wait to be written to it. */
import { FrameBatch } from './frame-batch.ts';
import { RECEIVE_BATCH, type TapPort } from './ports.ts';
import type { TokenBucket } from './token-bucket.ts';

export class LocalPort {
  /** Name that the daemon gave it; unique on this VTEP. */
  readonly id: string;
  /** What the forwarding table holds for a MAC behind this port: one object, so that a lookup makes none. */
  readonly destination: { readonly kind: 'port'; readonly port: LocalPort };
  readonly pending = new FrameBatch(RECEIVE_BATCH);
  pendingCount = 0;
  /** Limits what others than the stations attached to it send to nobody in particular; undefined: nothing does. */
  bum: TokenBucket | undefined;
  private device: TapPort | undefined;

  constructor(id: string) {
    this.id = id;
    this.destination = { kind: 'port', port: this };
  }

  /** The device is opened with handlers that already need this object: so it comes second. */
  use(device: TapPort): void {
    this.device = device;
  }

  get tap(): TapPort {
    if (this.device === undefined) throw new Error(`port ${this.id} has no device yet`);
    return this.device;
  }
}
