/**
 * One process on each side that together send everything an application sends: the tools exchange-serve and exchange.
 * Starting a program for each question would take most of the time of a test that asks it often.
 */
import type { Host } from './host.ts';
import type { LabProcess } from './lab-process.ts';

export const EXCHANGE_PORT = 5010;

/** What `exchange` prints for one address. */
export interface ExchangeReport {
  readonly address: string;
  /** SHA-256 of what the other end received from us, and we from it. */
  readonly up: string;
  readonly down: string;
  /** Datagrams that came back: how often, and whether as they were sent. */
  readonly datagrams: readonly {
    readonly bytes: number;
    readonly echoes: number;
    readonly intact: boolean;
  }[];
}

/** Starts the end that answers. */
export function serveExchange(host: Host): Promise<LabProcess> {
  return host.startTool('exchange-serve', [EXCHANGE_PORT]);
}

/**
 * Sends `streamBytes` of the fixed stream over TCP each way, then datagrams of these sizes, to each address in turn, where
 * {@link serveExchange} runs.
 */
export function exchange(
  from: Host,
  addresses: readonly string[],
  streamBytes: number,
  datagramBytes: readonly number[],
): Promise<readonly ExchangeReport[]> {
  const args = [EXCHANGE_PORT, streamBytes, datagramBytes.join(), ...addresses];
  return from.tool<readonly ExchangeReport[]>('exchange', args, { timeoutMs: 60_000 });
}
