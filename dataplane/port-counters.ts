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

/** Sums. What is no count but tells of an offload that was lost (`…Error`, `…Lost`: ports.ts): that of the first worker that met it. */
export function sumCounters(all: readonly PortCounters[]): PortCounters {
  const names = Object.keys(all[0] ?? {}) as (keyof PortCounters)[];
  const total = names.map(name => {
    const values = all.map(counters => counters[name]);
    const value = /(Error|Lost)$/.test(name)
      ? values.find(errno => errno !== 0)
      : values.reduce((sum, n) => sum + n);
    return [name, value ?? 0] as const;
  });
  return Object.fromEntries(total) as Record<keyof PortCounters, number>;
}
