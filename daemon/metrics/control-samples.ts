/** Gossip, the record log and what the dataplane makes of it, as metrics. */
import type { CounterReport } from '../../control/counters.ts';
import { DROP_REASONS as GOSSIP_DROPS } from '../../control/counters.ts';
import type { MemberEventType } from '../../control/events.ts';
import type { GossipReport } from '../../control/gossip.ts';
import { RECORD_DROPS } from '../../control/records/record-counters.ts';
import type { PeerReport, UsableReport } from '../operations.ts';
import type { RecordFigures } from '../records/record-views.ts';
import { snakeCase } from '../reports/drop-reports.ts';
import { type HistogramValue, type Sample, sample, stateSet } from './samples.ts';

const PEER_STATES: readonly PeerReport['state'][] = ['alive', 'suspect', 'dead', 'left'];
const PEER_HEALTH: readonly NonNullable<PeerReport['health']>[] = ['good', 'indirect', 'failing'];

/**
 * Peers with metrics of their own, those with the first names: nine series each. In a larger pool every node still counts all of them
 * by state, and each is seen by its own metrics.
 */
export const MAX_PEERS = 500;

export interface GossipFacts {
  readonly counters: CounterReport;
  readonly report: GossipReport;
  readonly peers: readonly PeerReport[];
  readonly events: ReadonlyMap<MemberEventType, number>;
}

export function gossipSamples({ counters, report, peers, events }: GossipFacts): Sample[] {
  return [
    ...PEER_STATES.map(state =>
      sample('weft_gossip_members', peers.filter(peer => peer.state === state).length, { state }),
    ),
    ...[...events].map(([type, count]) =>
      sample('weft_gossip_member_events_total', count, { event: snakeCase(type) }),
    ),
    sample('weft_gossip_health_score', report.healthScore, {}),
    sample('weft_gossip_encrypted', report.isEncrypted ? 1 : 0, {}),
    sample('weft_gossip_queue_length', report.queued.members, { queue: 'members' }),
    sample('weft_gossip_queue_length', report.queued.user, { queue: 'user' }),
    ...Object.entries(counters.received).map(([type, count]) =>
      sample('weft_gossip_received_messages_total', count, { type: snakeCase(type) }),
    ),
    ...Object.entries(counters.sent).map(([type, count]) =>
      sample('weft_gossip_sent_messages_total', count, { type: snakeCase(type) }),
    ),
    sample('weft_gossip_received_datagrams_total', counters.datagramsReceived, {}),
    sample('weft_gossip_sent_datagrams_total', counters.datagramsSent, {}),
    ...reasons(GOSSIP_DROPS, counters.drops).map(([reason, count]) =>
      sample('weft_gossip_drops_total', count, { reason }),
    ),
    ...peers
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, MAX_PEERS)
      .flatMap(peerSamples),
  ];
}

function peerSamples({ name: peer, state: current, health, rtt_ms, last_two_way_s }: PeerReport): Sample[] {
  return [
    ...stateSet(PEER_STATES, current, (state, value) => sample('weft_peer_state', value, { peer, state })),
    ...stateSet(PEER_HEALTH, health, (one, value) =>
      sample('weft_peer_health', value, { peer, health: one }),
    ),
    ...(rtt_ms === null ? [] : [sample('weft_peer_rtt_seconds', rtt_ms / 1000, { peer })]),
    ...(last_two_way_s === null ? [] : [sample('weft_peer_two_way_age_seconds', last_two_way_s, { peer })]),
  ];
}

export function recordSamples({ log, reconciler, usable, usableSumMs }: RecordFigures): Sample[] {
  return [
    sample('weft_records_links', log.links, {}),
    sample('weft_records_backlog', log.backlog, {}),
    sample('weft_records_held_bytes', log.bytesHeld, {}),
    sample('weft_records_unreadable', log.unreadable, {}),
    sample('weft_records_sent_frames_total', log.framesSent, {}),
    sample('weft_records_sent_bytes_total', log.bytesSent, {}),
    sample('weft_records_received_frames_total', log.framesReceived, {}),
    sample('weft_records_received_bytes_total', log.bytesReceived, {}),
    sample('weft_records_sent_hints_total', log.hintsSent, {}),
    sample('weft_records_sent_hint_bytes_total', log.hintBytesSent, {}),
    ...reasons(RECORD_DROPS, log.drops).map(([reason, count]) =>
      sample('weft_records_drops_total', count, { reason }),
    ),
    sample('weft_claim_usable_seconds', usableHistogram(usable, usableSumMs), {}),
    sample('weft_claim_usable_skewed_total', usable.skewed, {}),
    sample('weft_claims_frozen', log.frozen, {}),
    sample('weft_claim_audits_total', reconciler.audits, {}),
    sample('weft_claim_repairs_total', reconciler.repaired, {}),
  ];
}

function usableHistogram({ buckets }: UsableReport, sumMs: number): HistogramValue {
  return {
    buckets: buckets.map(({ le, count }) => ({
      le: le === null ? Number.POSITIVE_INFINITY : le / 1000,
      count,
    })),
    sum: sumMs / 1000,
  };
}

/** Every reason there is, with 0 for those that have not occurred: a rate is seen only between two values. */
export function reasons(
  all: Readonly<Record<string, string>>,
  occurred: Readonly<Record<string, number>>,
): (readonly [string, number])[] {
  return Object.keys(all).map(reason => [snakeCase(reason), occurred[reason] ?? 0] as const);
}
