/** The TAP port over the native addon. */
import type { FrameBatch } from './frame-batch.ts';
import { batchIo, type PortHandle } from './native/batch-io.ts';
import { NativePort, type PortHandlers, type PortModules } from './native/native-port.ts';
import { systemError } from './native/system-error.ts';
import type { PortCounters, TapPort } from './ports.ts';

export interface TapPortHandlers extends PortHandlers {
  /** Called at most once: from now on the super-frames that a UdpPort has merged go to the device segment by segment. */
  readonly onSuperFramesRefused?: () => void;
}

export interface TapPortOptions {
  /** What {@link openTap} returned. The port owns and closes it, unless the constructor throws. */
  readonly fd: number;
  /** False: it only writes, for another port reads what this device sends; then `onLost` never comes. @default true */
  readonly reads?: boolean;
}

/**
 * Reads and writes Ethernet frames with their offload metadata, up to the arena's slots at a time. `counters` count
 * bytes of Ethernet frames. `onLost` comes when the device or its network namespace was deleted (EBADFD); a device that
 * is only down refuses writes with EIO and works again when it is up.
 */
export class NativeTapPort implements TapPort {
  private readonly port: NativePort;
  private onSuperFramesRefused: (() => void) | undefined;

  /** Throws `system` if the descriptor cannot be polled. */
  constructor(modules: PortModules, options: TapPortOptions, handlers: TapPortHandlers) {
    this.onSuperFramesRefused = handlers.onSuperFramesRefused;
    this.port = new NativePort(modules, handlers, receiver => {
      const opened = batchIo.tapOpen(options.fd, receiver, (options.reads ?? true) ? 1 : 0);
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
    if (this.onSuperFramesRefused === undefined || this.counters.txGsoRefused === 0) return;
    const tell = this.onSuperFramesRefused;
    this.onSuperFramesRefused = undefined;
    tell();
  }

  close(): void {
    this.port.close();
  }
}
