/** Bulk over TCP with iperf3, and what each Gbit of it cost. */
import { iperf } from '../../daemon/lab/iperf.ts';
import { boxCpuSeconds, processCpuSeconds } from '../cpu.ts';
import type { Path } from '../subjects/subject.ts';
import type { Measure, Metric, Sample } from './measure.ts';

interface Bulk {
  readonly id: string;
  readonly title: string;
  readonly streams: number;
  readonly bothWays: boolean;
}

export const TCP_MEASURES: readonly Measure[] = [
  { id: 'tcp-1', title: 'TCP, 1 stream', streams: 1, bothWays: false },
  { id: 'tcp-8', title: 'TCP, 8 streams', streams: 8, bothWays: false },
  { id: 'tcp-64', title: 'TCP, 64 streams', streams: 64, bothWays: false },
  { id: 'both-ways', title: 'TCP, 1 stream in each direction at once (sum)', streams: 1, bothWays: true },
].map(bulk => ({
  id: bulk.id,
  metrics: metricsOf(bulk),
  wholeSeconds: true,
  run: (path, seconds) => measure(bulk, path, seconds),
}));

function metricsOf({ id, title }: Bulk): Metric[] {
  const of = (suffix: string, what: string, unit: string, better: Metric['better']): Metric => ({
    id: `${id}${suffix}`,
    title: `${title}${what}`,
    unit,
    better,
  });
  return [
    of('', '', 'Gbit/s', 'more'),
    of('-cpu-box', ': CPU of the whole machine', 'CPU-s per Gbit', 'less'),
    of('-cpu-daemons', ': CPU of both daemons', 'CPU-s per Gbit', 'less'),
    of('-retransmits', ': segments sent again', 'per Gbit', 'less'),
    of('-packets-per-send', ': packets in a send', 'packets', 'more'),
    of('-packets-per-receive', ': packets in a receive', 'packets', 'more'),
  ];
}

async function measure(bulk: Bulk, path: Path, seconds: number): Promise<Sample> {
  const pids = path.daemons.map(({ pid }) => pid);
  const counted = await path.counters?.();
  const boxBefore = boxCpuSeconds();
  const daemonsBefore = processCpuSeconds(pids);
  // Nothing is omitted, so that the bytes and the processor time are of the same seconds.
  const { streams, bothWays } = bulk;
  const report = await iperf(path.client, path.server, path.address, { seconds, streams, bothWays });
  const box = boxCpuSeconds() - boxBefore;
  const daemons = processCpuSeconds(pids) - daemonsBefore;
  const gigabits = (report.bytes * 8) / 1e9;
  const sample: Record<string, number> = {
    [bulk.id]: report.bitsPerSecond / 1e9,
    [`${bulk.id}-cpu-box`]: box / gigabits,
    [`${bulk.id}-retransmits`]: report.retransmits / gigabits,
  };
  if (pids.length > 0) sample[`${bulk.id}-cpu-daemons`] = daemons / gigabits;
  const now = await path.counters?.();
  if (counted !== undefined && now !== undefined) {
    sample[`${bulk.id}-packets-per-send`] =
      (now.packetsSent - counted.packetsSent) / (now.sends - counted.sends);
    sample[`${bulk.id}-packets-per-receive`] =
      (now.packetsReceived - counted.packetsReceived) / (now.receives - counted.receives);
  }
  return sample;
}
