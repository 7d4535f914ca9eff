import type { Offload } from '../offloads.ts';
import { COUNTERS } from './batch-io.ts';
import type { NativeCounters } from './native-counters.ts';

interface Watched {
  readonly offload: Offload;
  /** Where the addon notes the errno for which it gave the offload up. */
  readonly index: number;
  told: boolean;
}

/** Tells of each offload that the addon gives up: once, or again when it was taken up meanwhile. */
export class OffloadWatch {
  private readonly counters: NativeCounters;
  private readonly tell: (offload: Offload, errno: number) => void;
  private readonly watched: readonly Watched[];

  /** What the addon does without from the beginning is not told. */
  constructor(counters: NativeCounters, tell: (offload: Offload, errno: number) => void) {
    this.counters = counters;
    this.tell = tell;
    const watch = (offload: Offload, counter: (typeof COUNTERS)[number]): Watched => {
      const index = COUNTERS.indexOf(counter);
      return { offload, index, told: counters.at(index) !== 0 };
    };
    this.watched = [
      watch('udp-segment', 'txGsoError'),
      watch('udp-gro', 'rxGroError'),
      watch('tap-tso', 'txTsoError'),
      watch('tap-uso', 'txUsoError'),
      watch('tunnel-gso', 'txTunnelError'),
      watch('io-uring', 'ringError'),
    ];
  }

  /** To be called after whatever may have lost one; allocates nothing. */
  look(): void {
    for (let i = 0; i < this.watched.length; i++) {
      const entry = this.watched[i];
      if (entry === undefined) continue;
      const errno = this.counters.at(entry.index);
      const isNews = errno !== 0 && !entry.told;
      entry.told = errno !== 0;
      if (isNews) this.tell(entry.offload, errno);
    }
  }
}
