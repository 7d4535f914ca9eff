import type { Host } from './host.ts';

export interface IperfOptions {
  /** Whole seconds: iperf3 knows no others. @default 3 */
  readonly seconds?: number;
  /** Seconds at the start that do not count. @default 0 */
  readonly omit?: number;
  /** Send UDP datagrams of this many payload bytes as fast as possible instead of a TCP stream. */
  readonly udpBytes?: number;
  /** Parallel streams; in each direction. @default 1 */
  readonly streams?: number;
  /** TCP in both directions at once; the report is the sum. @default false */
  readonly bothWays?: boolean;
}

export interface IperfReport {
  /** What arrived, in bits per second of payload. */
  readonly bitsPerSecond: number;
  /** What arrived, in bytes of payload; what was omitted at the start is not in it. */
  readonly bytes: number;
  /** What arrived, in datagrams per second; 0 for TCP. */
  readonly datagramsPerSecond: number;
  /** Share of the datagrams that were lost, 0 to 1; 0 for TCP. */
  readonly lost: number;
  /** TCP segments that the sender sent again; 0 for UDP. */
  readonly retransmits: number;
}

const PORT = 5201;

/** One iperf3 run from `client` to `server`, whose address inside the overlay is given. */
export async function iperf(
  client: Host,
  server: Host,
  address: string,
  options: IperfOptions = {},
): Promise<IperfReport> {
  const { seconds = 3, omit = 0, udpBytes, streams = 1, bothWays = false } = options;
  if (!Number.isInteger(seconds) || seconds < 1)
    throw new RangeError(`iperf3 runs for whole seconds, not ${seconds}`);
  const listener = server.spawn('iperf3', ['--server', '--one-off', '--forceflush', '--port', String(PORT)]);
  try {
    await listener.waitForOutput('Server listening');
    const args = ['--client', address, '--port', String(PORT), '--json', '--time', String(seconds)];
    if (omit > 0) args.push('--omit', String(omit));
    // Nobody reads the figures of each second, and with many streams they cost.
    args.push('--interval', '0');
    if (bothWays) args.push('--bidir');
    if (streams > 1) args.push('--parallel', String(streams));
    if (udpBytes !== undefined) args.push('--udp', '--bitrate', '0', '--length', String(udpBytes));
    const timeoutMs = (seconds + omit + 20) * 1000;
    const { stdout } = await client.exec('iperf3', args, { timeoutMs, check: false });
    return parseIperf(stdout);
  } finally {
    await listener.stop('SIGKILL');
  }
}

/** The parts of `iperf3 --json` (3.12) that are read here. */
interface IperfJson {
  readonly error?: string;
  readonly end?: {
    readonly sum?: {
      bytes: number;
      bits_per_second: number;
      packets: number;
      lost_packets: number;
      seconds: number;
    };
    readonly sum_sent?: { retransmits?: number };
    readonly sum_received?: { bytes: number; bits_per_second: number };
    readonly sum_sent_bidir_reverse?: { retransmits?: number };
    readonly sum_received_bidir_reverse?: { bytes: number; bits_per_second: number };
  };
}

/** Throws with iperf3's own words when the run failed. */
export function parseIperf(json: string): IperfReport {
  const report = JSON.parse(json) as IperfJson;
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  const udp = report.end?.sum;
  if (udp !== undefined) {
    // The sum is what the client sent; the server's report adds the losses.
    const lost = udp.packets === 0 ? 0 : udp.lost_packets / udp.packets;
    return {
      bitsPerSecond: udp.bits_per_second * (1 - lost),
      bytes: udp.bytes * (1 - lost),
      datagramsPerSecond: (udp.packets - udp.lost_packets) / udp.seconds,
      lost,
      retransmits: 0,
    };
  }
  const received = report.end?.sum_received;
  if (received === undefined) throw new Error(`iperf3 gave no result:\n${json}`);
  const back = report.end?.sum_received_bidir_reverse;
  const sentAgain = (sum: { retransmits?: number } | undefined) => sum?.retransmits ?? 0;
  return {
    bitsPerSecond: received.bits_per_second + (back?.bits_per_second ?? 0),
    bytes: received.bytes + (back?.bytes ?? 0),
    datagramsPerSecond: 0,
    lost: 0,
    retransmits: sentAgain(report.end?.sum_sent) + sentAgain(report.end?.sum_sent_bidir_reverse),
  };
}
