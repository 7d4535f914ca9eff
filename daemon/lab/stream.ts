import type { Host } from './host.ts';
import { streamDigest } from './stream-content.ts';

export interface StreamReport {
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
}

export interface StreamOptions {
  /** Of the receiver; two streams to one host need two. @default 5001 */
  readonly port?: number;
  /** Longest time it may take. @default 40 Mbit/s: the slowest link that is still worth a test */
  readonly timeoutMs?: number;
}

/** Sends `bytes` of the fixed stream (stream-content.ts) from one host to `address` of another; what arrived there. */
export async function stream(
  from: Host,
  to: Host,
  address: string,
  bytes: number,
  options: StreamOptions = {},
): Promise<StreamReport> {
  const { port = 5001, timeoutMs = 20_000 + bytes / 5_000 } = options;
  const receiver = await to.startTool('stream-receive', [port]);
  try {
    await from.tool('stream-send', [address, port, bytes], { timeoutMs });
    await receiver.waitForOutput('"sha256"');
    const [, report] = receiver.stdout.split('\n');
    return JSON.parse(report ?? '') as StreamReport;
  } finally {
    receiver.signal('SIGKILL');
  }
}

const digests = new Map<number, string>();

/** What the receiver of that many bytes must have hashed. Remembered: many tests send as much. */
export function expectedDigest(bytes: number): string {
  const digest = digests.get(bytes) ?? streamDigest(bytes);
  digests.set(bytes, digest);
  return digest;
}
