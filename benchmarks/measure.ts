/** What is measured on a path, and what its numbers mean. */
import { iperf } from '../daemon/lab/iperf.ts';
import { ping } from '../daemon/lab/ping.ts';
import type { Path } from './scenarios.ts';

export interface Measure {
  readonly name: string;
  readonly unit: string;
  /** Whether more is better; for times less is. */
  readonly better: 'more' | 'less';
  /** One sample; `seconds` is how long it may take for it. */
  readonly run: (path: Path, seconds: number) => Promise<number>;
}

/** Bytes of UDP payload of the small-packet rate: a datagram of a DNS query's size. */
const SMALL_DATAGRAM = 64;
const PING_INTERVAL_S = 0.005;

export const MEASURES: readonly Measure[] = [
  {
    name: 'one TCP stream',
    unit: 'Gbit/s',
    better: 'more',
    run: async ({ client, server, address }, seconds) =>
      (await iperf(client, server, address, { seconds, omit: 1 })).bitsPerSecond / 1e9,
  },
  {
    name: '64-byte UDP datagrams delivered',
    unit: 'thousand/s',
    better: 'more',
    run: async ({ client, server, address }, seconds) =>
      (await iperf(client, server, address, { seconds, udpBytes: SMALL_DATAGRAM })).datagramsPerSecond / 1e3,
  },
  {
    name: 'ping round trip',
    unit: 'µs',
    better: 'less',
    run: async ({ client, address }, seconds) => {
      const count = Math.round(seconds / PING_INTERVAL_S);
      const { rttMs, output } = await ping(client, address, { count, intervalS: PING_INTERVAL_S });
      if (rttMs === undefined) throw new Error(`no ping was answered:\n${output}`);
      return rttMs.avg * 1000;
    },
  },
];
