import type { Host } from './host.ts';

export interface PingOptions {
  /** @default 3 */
  readonly count?: number;
  /** Seconds between two requests. @default 0.2 */
  readonly intervalS?: number;
  /** Payload bytes: the IP packet is 28 (IPv4) or 48 (IPv6) longer. @default 56 */
  readonly size?: number;
  /** Set DF and refuse to fragment (`-M do`). @default false */
  readonly dontFragment?: boolean;
  /** Seconds to wait for the reply to each request. @default 2 */
  readonly waitS?: number;
  /** Two hexadecimal digits that fill the payload, to know it again in a capture. */
  readonly pattern?: string;
  /** Send to a broadcast address. */
  readonly broadcast?: boolean;
}

export interface PingReport {
  readonly sent: number;
  readonly received: number;
  readonly duplicates: number;
  /** Round trips in milliseconds; undefined when nothing came back. */
  readonly rttMs: { readonly min: number; readonly avg: number; readonly max: number } | undefined;
  /** Everything ping said. */
  readonly output: string;
}

/** Pings from inside `host`. Lost replies are a result, not an exception. */
export async function ping(host: Host, address: string, options: PingOptions = {}): Promise<PingReport> {
  const { count = 3, intervalS = 0.2, waitS = 2 } = options;
  const args = [...commonArguments(options), '-c', String(count), '-i', String(intervalS)];
  // Quiet hides why a request could not be sent; without it, a thousand replies hide everything else.
  if (count > 20) args.push('-q');
  const timeoutMs = (count * intervalS + count * waitS + 10) * 1000;
  const { stdout, stderr } = await host.exec('ping', [...args, '-W', String(waitS), address], {
    check: false,
    timeoutMs,
  });
  return parsePing(stdout + stderr);
}

/**
 * The numbers, from 1 on, of those of `count` requests that were not answered `waitS` after the last. `ping` gives up one
 * interval after its last request, which on a busy machine is before the reply; with a deadline it goes on asking until
 * it has `count` replies.
 */
export async function unansweredPings(
  host: Host,
  address: string,
  options: PingOptions & { readonly count: number; readonly intervalS: number },
): Promise<{
  readonly unanswered: readonly number[];
  readonly duplicates: number;
  readonly summary: string;
}> {
  const { count, intervalS, waitS = 2 } = options;
  const deadlineS = Math.ceil(count * intervalS + waitS);
  const args = [...commonArguments(options), '-c', String(count), '-i', String(intervalS)];
  const { stdout, stderr } = await host.exec('ping', [...args, '-w', String(deadlineS), address], {
    check: false,
    timeoutMs: (deadlineS + 10) * 1000,
  });
  const replies = [...stdout.matchAll(/icmp_seq=(\d+) ttl=\d+.*/g)];
  const answered = new Set(replies.map(([, sequence]) => Number(sequence)));
  return {
    unanswered: Array.from({ length: count }, (_, i) => i + 1).filter(sequence => !answered.has(sequence)),
    duplicates: replies.filter(([line]) => line.endsWith('(DUP!)')).length,
    summary: (stdout + stderr).split('\n').slice(-6).join('\n'),
  };
}

function commonArguments({ size = 56, pattern, dontFragment, broadcast }: PingOptions): string[] {
  const args = ['-n', '-s', String(size)];
  if (dontFragment === true) args.push('-M', 'do');
  if (pattern !== undefined) args.push('-p', pattern);
  if (broadcast === true) args.push('-b');
  return args;
}

/** Reads the summary of iputils' ping, which has no machine-readable output. Throws when there is none. */
export function parsePing(output: string): PingReport {
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(output);
  if (counts === null) throw new Error(`ping gave no summary:\n${output}`);
  const duplicates = /\+(\d+) duplicates/.exec(output);
  const rtt = /rtt min\/avg\/max\/mdev = ([\d.]+)\/([\d.]+)\/([\d.]+)\//.exec(output);
  return {
    sent: Number(counts[1]),
    received: Number(counts[2]),
    duplicates: duplicates === null ? 0 : Number(duplicates[1]),
    rttMs: rtt === null ? undefined : { min: Number(rtt[1]), avg: Number(rtt[2]), max: Number(rtt[3]) },
    output,
  };
}
