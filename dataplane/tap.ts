/** The TAP port over the native addon. */
import type { FrameBatch } from './frame-batch.ts';
import { batchIo, type PortHandle } from './native/batch-io.ts';
import { NativePort, type PortHandlers, type PortModules } from './native/native-port.ts';
import { systemError } from './native/system-error.ts';
import type { PortCounters, TapPort } from './ports.ts';

export interface TapPortOptions {
  /** What {@link openTap} returned. The port owns and closes it, unless the constructor throws. */
  readonly fd: number;
  /** Write super-frames of TCP whole; else segment by segment. @default true */
  readonly tso?: boolean;
  /** The same for UDP. @default true */
  readonly uso?: boolean;
  /** For tests: the errno that meets each write of a super-frame of TCP or UDP; 0 for none. @default none */
  readonly injected?: { readonly tso: number; readonly uso: number };
  /** False: it only writes, for another port reads what this device sends; then `onLost` never comes. @default true */
  readonly reads?: boolean;
}

/**
 * Reads and writes Ethernet frames with their offload metadata, up to the arena's slots at a time. `counters` count
 * bytes of Ethernet frames. `onLost` comes when the device or its network namespace was deleted (EBADFD); a device that
 * is only down refuses writes with EIO and works again when it is up. A device that refuses the super-frames of TCP
 * (`tap-tso`) or of UDP (`tap-uso`) gets them segment by segment
 * from then on, beginning with the one that it refused.
 */
export class NativeTapPort implements TapPort {
  private readonly port: NativePort;

  /** Throws `system` if the descriptor cannot be polled. */
  constructor(modules: PortModules, options: TapPortOptions, handlers: PortHandlers) {
    const { fd, reads = true, tso = true, uso = true, injected = { tso: 0, uso: 0 } } = options;
    this.port = new NativePort(modules, handlers, receiver => {
      const opened = batchIo.tapOpen(
        {
          fd,
          reads: reads ? 1 : 0,
          tso: tso ? 1 : 0,
          uso: uso ? 1 : 0,
          injectedTso: injected.tso,
          injectedUso: injected.uso,
        },
        receiver,
      );
      if (opened < 0) {
        throw systemError('cannot read from the TAP device', -opened);
      }
      return opened as PortHandle;
    });
  }

  get counters(): PortCounters {
    return this.port.counters;
  }

  write(batch: FrameBatch, first: number, count: number): void {
    this.port.transmit(batch, first, count);
  }

  close(): void {
    this.port.close();
  }
}
