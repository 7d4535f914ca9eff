import type { DropReason } from './drop-reasons.ts';
import type { PortCounters } from './ports.ts';

/** What a port itself had to give up, before the forwarder saw it. Only reasons that have occurred. */
export function portLosses(counters: PortCounters, kind: 'tap' | 'udp'): (readonly [DropReason, number])[] {
  const losses: (readonly [DropReason, number])[] = [
    ['bad_geometry', counters.rxBadGeometry],
    ['receive_truncated', counters.rxTruncated],
    ['receive_queue_overflow', counters.rxQueueOverflow],
    // On the socket, an error is an ICMP answer to something we sent: no frame is lost by it.
    ['receive_failed', kind === 'tap' ? counters.rxErrors : 0],
  ];
  return losses.filter(([, frames]) => frames > 0);
}
