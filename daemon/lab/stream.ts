import type { Host } from './host.ts';

interface StreamReport {
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
}

interface StreamResult {
  readonly sent: StreamReport;
  readonly received: StreamReport;
}

const PORT = 5001;

/** Sends `bytes` of a fixed stream from one host to `address` of another; both ends say what they hashed. */
export async function stream(from: Host, to: Host, address: string, bytes: number): Promise<StreamResult> {
  const receiver = await to.startTool('stream-receive', [PORT]);
  try {
    // The slowest link that is still worth a test: 40 Mbit/s.
    const timeoutMs = 20_000 + bytes / 5_000;
    const sent = await from.tool<StreamReport>('stream-send', [address, PORT, bytes], { timeoutMs });
    await receiver.waitForOutput('"sha256"');
    const [, report] = receiver.stdout.split('\n');
    return { sent, received: JSON.parse(report ?? '') as StreamReport };
  } finally {
    receiver.signal('SIGKILL');
  }
}
