import { IDLE_METRICS } from './idle.ts';
import type { Measure, Metric } from './measure.ts';
import { ROUND_TRIP_MEASURES } from './round-trip.ts';
import { TCP_MEASURES } from './tcp.ts';
import { UDP_MEASURES } from './udp.ts';

/** In the order in which a round goes through them. */
export const MEASURES: readonly Measure[] = [...TCP_MEASURES, ...UDP_MEASURES, ...ROUND_TRIP_MEASURES];

/** The id under which {@link IDLE_METRICS} are asked for; they are measured once, after the rounds. */
export const IDLE = 'idle';

/** In the order of the report. */
export const METRICS: readonly Metric[] = [...MEASURES.flatMap(({ metrics }) => metrics), ...IDLE_METRICS];
