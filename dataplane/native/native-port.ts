/** What the two native ports have in common: an addon handle, counters and a close that may come twice. */
import { constants } from 'node:os';
import type { Arena } from '../arena.ts';
import type { FrameBatch } from '../frame-batch.ts';
import type { Offload } from '../offloads.ts';
import type { BatchHandler, LostHandler } from '../ports.ts';
import { batchIo, type PortHandle, type Receiver } from './batch-io.ts';
import { NativeCounters } from './native-counters.ts';
import { OffloadWatch } from './offload-watch.ts';
import { systemError } from './system-error.ts';

export interface PortHandlers {
  readonly onFrames: BatchHandler;
  readonly onLost: LostHandler;
  /** The kernel refused an offload, which this port does without from now on. Called at most once for each. */
  readonly onOffloadLost?: (offload: Offload, errno: number) => void;
}

export interface PortModules {
  readonly arena: Arena;
  /** Whether reads, writes and sends of one batch may share a system call (io_uring). @default true, where the kernel can */
  readonly ring?: boolean;
  /** For tests, errnos; 0 for none: what meets each call in the ring, and its opening. @default none */
  readonly injectedRing?: { readonly use: number; readonly probe: number };
}

export class NativePort {
  readonly counters = new NativeCounters(() => this.countDrops());
  private readonly offloads: OffloadWatch;
  private handle: PortHandle | undefined;

  /** `open` gets the receiver for the addon and returns its handle; what it throws passes through. */
  constructor(modules: PortModules, handlers: PortHandlers, open: (receiver: Receiver) => PortHandle) {
    const { arena, ring = true, injectedRing = { use: 0, probe: 0 } } = modules;
    this.handle = open({
      arena: arena.memory,
      slotCount: arena.slots,
      slotSize: arena.stride,
      frameStart: arena.frameStart,
      pieceTable: arena.pieceTable,
      pieceCount: arena.pieceCount,
      batch: arena.received.memory,
      counters: this.counters.memory,
      ring: ring ? 1 : 0,
      injectedRing: injectedRing.use,
      injectedRingProbe: injectedRing.probe,
      onFrames: count => {
        this.offloads.look();
        handlers.onFrames(arena.received, count);
      },
      onLost: errno => handlers.onLost(errno),
    });
    this.offloads = new OffloadWatch(this.counters, (offload, errno) =>
      handlers.onOffloadLost?.(offload, errno),
    );
  }

  /** Frames given to a closed port are refused with EBADF, so that each still has a status and is counted. */
  transmit(batch: FrameBatch, first: number, count: number): void {
    const { handle } = this;
    const refused =
      handle === undefined ? constants.errno.EBADF : -batchIo.transmit(handle, batch.memory, first, count);
    this.offloads.look();
    if (refused === 0) return;
    for (let i = first; i < first + count; i++) batch.setStatus(i, refused);
    this.counters.add('txErrors', count);
  }

  /** Of a UDP port. Throws `system` if there is no memory for the table. */
  setNextHops(table: ArrayBuffer): void {
    if (this.handle === undefined) return;
    // Before, as what was lost is forgotten by it; after, so that it is told when it is lost again.
    this.offloads.look();
    const refused = -batchIo.udpSetNextHops(this.handle, table);
    this.offloads.look();
    if (refused !== 0) throw systemError('cannot set the next hops', refused);
  }

  private countDrops(): void {
    if (this.handle !== undefined) batchIo.countDrops(this.handle);
  }

  close(): void {
    if (this.handle === undefined) return;
    this.countDrops();
    const handle = this.handle;
    this.handle = undefined;
    batchIo.closePort(handle);
  }
}
