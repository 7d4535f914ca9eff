/** What a command may touch outside itself, so that a test can give something else. */
import type { Clock } from '../../dataplane/clock.ts';
import type { HostPort } from '../doctor/host-port.ts';
import type { DaemonOptions } from '../run-daemon.ts';

export interface CliIo {
  readonly stdout: { readonly isTTY?: boolean; write(text: string): void };
  readonly stderr: { write(text: string): void };
  readonly env: { readonly WEFT_SOCKET?: string | undefined };
  readonly workingDirectory: string;
  readonly clock: Clock;
  /** This host, for the doctor. */
  readonly host: HostPort;
  /** Standard input to its end; at most a few KiB. */
  readInput(): Promise<string>;
  /** From the first call on, an interrupt (SIGINT, SIGTERM) aborts this signal instead of ending the process. */
  interrupted(): AbortSignal;
  /** Runs a daemon until it is told to stop. Throws what made it fail. */
  runDaemon(options: DaemonOptions): Promise<void>;
}
