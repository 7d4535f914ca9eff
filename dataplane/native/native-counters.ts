import type { PortCounters } from '../ports.ts';
import { COUNTERS } from './batch-io.ts';

type Counter = (typeof COUNTERS)[number];

/** Reads what the addon counts, with no call into it but for one of them: the doubles are shared memory. */
export class NativeCounters implements PortCounters {
  /** The memory that the addon adds to. */
  readonly memory = new ArrayBuffer(COUNTERS.length * Float64Array.BYTES_PER_ELEMENT);
  private readonly values = new Float64Array(this.memory);
  private readonly countDrops: () => void;

  /** `countDrops` brings `rxQueueOverflow` up to date. */
  constructor(countDrops: () => void) {
    this.countDrops = countDrops;
  }

  /** For what is refused on this side of the border. */
  add(name: Counter, amount: number): void {
    this.values[COUNTERS.indexOf(name)] = this.read(name) + amount;
  }

  get rxFrames(): number {
    return this.read('rxFrames');
  }
  get rxBytes(): number {
    return this.read('rxBytes');
  }
  get rxBatches(): number {
    return this.read('rxBatches');
  }
  get rxBadGeometry(): number {
    return this.read('rxBadGeometry');
  }
  get rxTruncated(): number {
    return this.read('rxTruncated');
  }
  get rxErrors(): number {
    return this.read('rxErrors');
  }
  get txFrames(): number {
    return this.read('txFrames');
  }
  get txBytes(): number {
    return this.read('txBytes');
  }
  get txBatches(): number {
    return this.read('txBatches');
  }
  get txErrors(): number {
    return this.read('txErrors');
  }
  get rxQueueOverflow(): number {
    this.countDrops();
    return this.read('rxQueueOverflow');
  }
  get txSegments(): number {
    return this.read('txSegments');
  }
  get txGsoSends(): number {
    return this.read('txGsoSends');
  }
  get txGsoError(): number {
    return this.read('txGsoError');
  }
  get txTsoError(): number {
    return this.read('txTsoError');
  }
  get txUsoError(): number {
    return this.read('txUsoError');
  }
  get rxGroError(): number {
    return this.read('rxGroError');
  }
  get rxMessages(): number {
    return this.read('rxMessages');
  }
  get rxMerged(): number {
    return this.read('rxMerged');
  }
  get txGsoRefused(): number {
    return this.read('txGsoRefused');
  }
  get txTunnelFrames(): number {
    return this.read('txTunnelFrames');
  }
  get txTunnelError(): number {
    return this.read('txTunnelError');
  }
  get txTunnelLost(): number {
    return this.read('txTunnelLost');
  }
  get ringError(): number {
    return this.read('ringError');
  }

  /** By its place in COUNTERS. */
  at(index: number): number {
    return this.values[index] ?? 0;
  }

  private read(name: Counter): number {
    return this.at(COUNTERS.indexOf(name));
  }
}
