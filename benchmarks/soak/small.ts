/** What is sent beside the bulk, for the length of one window: pings, a flow of datagrams, requests, connections. */
import { iperf } from '../../daemon/lab/iperf.ts';
import { connectionRate, roundTrips } from '../../daemon/lab/traffic.ts';
import { percentile } from '../statistics.ts';
import type { Pair } from './machines.ts';
import type { Mishaps } from './mishaps.ts';

const PINGS_A_SECOND = 100;
/** The flow of datagrams: 200 bytes each, 5,000 a second. */
const UDP = { udpBytes: 200, megabits: 8 };
/** One after the other, and as fast as they are answered: a second of each window, for they would take all that is left of the processors. */
const BURST_S = 1;
const REQUEST_BYTES = 64;
const CONNECTIONS_AT_ONCE = 4;
/** The last reply, and the exchange at both ends of iperf3. */
const MARGIN_S = 1;

/** What could not be measured is null. */
export interface SmallFigures {
  /** Share of the pings that was not answered, 0 to 1. */
  readonly pingLoss: number | null;
  readonly pingP50Ms: number | null;
  readonly pingP99Ms: number | null;
  /** Share of the datagrams. */
  readonly udpLoss: number | null;
  readonly requestP50Us: number | null;
  readonly requestP99Us: number | null;
  readonly connectionsPerSecond: number | null;
}

/** Round trips of what iputils' ping prints, one for each line; of duplicates only the first. */
export function pingTimes(output: string): number[] {
  return output
    .split('\n')
    .filter(line => !line.includes('DUP!'))
    .flatMap(line => {
      const time = / time=([\d.]+) ms/.exec(line)?.[1];
      return time === undefined ? [] : [Number(time)];
    });
}

export async function smallTraffic(
  { client, server, address }: Pair,
  seconds: number,
  mishaps: Mishaps,
): Promise<SmallFigures> {
  const pings = (seconds - MARGIN_S) * PINGS_A_SECOND;
  const pinged = mishaps.attempt('pings', async () => {
    const args = ['-n', '-i', `${1 / PINGS_A_SECOND}`, '-c', `${pings}`, '-w', `${seconds}`, address];
    const { stdout } = await client.exec('ping', args, { check: false, timeoutMs: (seconds + 20) * 1000 });
    const times = pingTimes(stdout);
    // With a deadline ping sends more than it was told, as long as replies are missing.
    const sent = Number(/(\d+) packets transmitted/.exec(stdout)?.[1]);
    if (times.length === 0) throw new Error('none was answered');
    return { loss: 1 - times.length / sent, times };
  });
  const datagrams = mishaps.attempt('datagrams', () =>
    iperf(client, server, address, { seconds: seconds - MARGIN_S, ...UDP }),
  );
  const requests = await mishaps.attempt('requests', () =>
    roundTrips(client, server, address, { bytes: REQUEST_BYTES, seconds: BURST_S }),
  );
  const connections = await mishaps.attempt('connections', () =>
    connectionRate(client, server, address, {
      bytes: REQUEST_BYTES,
      parallel: CONNECTIONS_AT_ONCE,
      // In a window of two seconds both have to end.
      seconds: seconds > 2 * BURST_S ? BURST_S : BURST_S / 2,
    }),
  );
  const [pingReport, udpReport] = await Promise.all([pinged, datagrams]);
  return {
    pingLoss: pingReport?.loss ?? null,
    pingP50Ms: pingReport === undefined ? null : percentile(pingReport.times, 0.5),
    pingP99Ms: pingReport === undefined ? null : percentile(pingReport.times, 0.99),
    udpLoss: udpReport?.lost ?? null,
    requestP50Us: requests?.p50 ?? null,
    requestP99Us: requests?.p99 ?? null,
    connectionsPerSecond: connections ?? null,
  };
}
