/** Requests and responses: how long one takes with nothing else on the path, and beside bulk. */
import { iperf } from '../../daemon/lab/iperf.ts';
import { connectionRate, type RoundTrips, roundTrips } from '../../daemon/lab/traffic.ts';
import { delay, systemClock } from '../../dataplane/clock.ts';
import type { Path } from '../subjects/subject.ts';
import type { Measure, Metric } from './measure.ts';

/** Bytes of a request and of a response. */
const MESSAGE = 64;
/** Connections at a time: as many as keep both processors busy on the fastest path. */
const PARALLEL = 16;
/** How long the bulk runs before the first request, and after the last. */
const BULK_HEAD_START_MS = 500;

export const ROUND_TRIP_MEASURES: readonly Measure[] = [
  {
    id: 'rr-idle',
    metrics: metricsOf('rr-idle', 'Round trip, idle'),
    run: async ({ client, server, address }, seconds) =>
      sampleOf('rr-idle', await roundTrips(client, server, address, { bytes: MESSAGE, seconds })),
  },
  {
    id: 'rr-loaded',
    metrics: metricsOf('rr-loaded', 'Round trip beside a TCP stream'),
    run: async (path, seconds) => sampleOf('rr-loaded', await besideBulk(path, seconds)),
  },
  {
    id: 'connections',
    metrics: [
      {
        id: 'connections',
        title: `TCP connections, one request each, ${PARALLEL} at a time`,
        unit: '/s',
        better: 'more',
      },
    ],
    run: async ({ client, server, address }, seconds) => ({
      connections: await connectionRate(client, server, address, {
        bytes: MESSAGE,
        parallel: PARALLEL,
        seconds,
      }),
    }),
  },
];

function metricsOf(id: string, title: string): Metric[] {
  const of = (name: string, label: string): Metric => ({
    id: `${id}-${name}`,
    title: `${title}, ${label}`,
    unit: 'µs',
    better: 'less',
  });
  return [of('p50', 'p50'), of('p99', 'p99'), of('p999', 'p99.9')];
}

/** Of few round trips the rarest percentiles are left out: of fewer than a thousand, p99.9 is only the longest one. */
export function sampleOf(id: string, { count, p50, p99, p999 }: RoundTrips): Record<string, number> {
  return {
    [`${id}-p50`]: p50,
    ...(count >= 100 ? { [`${id}-p99`]: p99 } : {}),
    ...(count >= 1000 ? { [`${id}-p999`]: p999 } : {}),
  };
}

async function besideBulk({ client, server, address }: Path, seconds: number): Promise<RoundTrips> {
  const bulkSeconds = Math.ceil(seconds + (2 * BULK_HEAD_START_MS) / 1000);
  const bulk = iperf(client, server, address, { seconds: bulkSeconds });
  const requests = (async () => {
    await delay(systemClock, BULK_HEAD_START_MS);
    return await roundTrips(client, server, address, { bytes: MESSAGE, seconds });
  })();
  const [trips] = await Promise.all([requests, bulk]);
  return trips;
}
