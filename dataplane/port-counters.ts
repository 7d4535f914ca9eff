import type { PortCounters } from './ports.ts';

/** The counters of a port as they stand now, as plain data that can be sent to another thread. */
export function readCounters(counters: PortCounters): PortCounters {
  const {
    rxFrames,
    rxBytes,
    rxBatches,
    rxBadGeometry,
    rxTruncated,
    rxErrors,
    txFrames,
    txBytes,
    txBatches,
    txErrors,
    rxQueueOverflow,
    txSegments,
    txGsoSends,
    txGsoError,
    rxMessages,
    rxMerged,
    txGsoRefused,
  } = counters;
  return {
    rxFrames,
    rxBytes,
    rxBatches,
    rxBadGeometry,
    rxTruncated,
    rxErrors,
    txFrames,
    txBytes,
    txBatches,
    txErrors,
    rxQueueOverflow,
    txSegments,
    txGsoSends,
    txGsoError,
    rxMessages,
    rxMerged,
    txGsoRefused,
  };
}
