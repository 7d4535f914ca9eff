import { COUNTERS } from './native/batch-io.ts';
import type { PortCounters } from './ports.ts';

/** The counters of a port as they stand now, as plain data that can be sent to another thread. */
export function readCounters(counters: PortCounters): PortCounters {
  // COUNTERS names every one of them: a counter that the addon gains is read here without a change.
  return Object.fromEntries(COUNTERS.map(name => [name, counters[name]])) as Record<
    (typeof COUNTERS)[number],
    number
  >;
}
