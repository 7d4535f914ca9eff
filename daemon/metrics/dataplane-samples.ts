/** What the dataplane counts, as metrics. The counters are those of `weft status` and `weft drops`; nothing is counted twice. */
import type { DataplaneCounters } from '../../dataplane/commands.ts';
import { DROP_REASONS } from '../../dataplane/drop-reasons.ts';
import type { OffloadState } from '../../dataplane/offloads.ts';
import { sumCounters } from '../../dataplane/port-counters.ts';
import type { PortCounters } from '../../dataplane/ports.ts';
import type { PathReport, StatusReport } from '../operations.ts';
import { dataplaneDropRows } from '../reports/drop-reports.ts';
import type { MetricName } from './definitions.ts';
import { type Sample, sample, stateSet } from './samples.ts';

/** Counted among the drops: `bad_geometry`, `receive_truncated`, `receive_queue_overflow` (port-losses.ts). */
const IN_DROPS = null;

/** Not a count, but the errno of an offload that was lost: weft_offload_state tells. */
const IN_OFFLOADS = null;

/** Of the other kind of port. */
const NEVER = null;

/** A counter that the dataplane gains does not compile before it is here. */
const UNDERLAY: Readonly<Record<keyof PortCounters, MetricName | null>> = {
  rxFrames: 'weft_underlay_received_packets_total',
  rxBytes: 'weft_underlay_received_bytes_total',
  rxMessages: 'weft_underlay_received_messages_total',
  rxBatches: 'weft_underlay_received_batches_total',
  rxMerged: 'weft_underlay_received_merged_packets_total',
  rxErrors: 'weft_underlay_receive_errors_total',
  txFrames: 'weft_underlay_sent_frames_total',
  txSegments: 'weft_underlay_sent_packets_total',
  txBytes: 'weft_underlay_sent_bytes_total',
  txBatches: 'weft_underlay_sends_total',
  txGsoSends: 'weft_underlay_gso_sends_total',
  txTunnelFrames: 'weft_underlay_tunnel_frames_total',
  txErrors: 'weft_underlay_send_errors_total',
  txGsoRefused: NEVER,
  rxBadGeometry: IN_DROPS,
  rxTruncated: IN_DROPS,
  rxQueueOverflow: IN_DROPS,
  txGsoError: IN_OFFLOADS,
  txTsoError: IN_OFFLOADS,
  txUsoError: IN_OFFLOADS,
  rxGroError: IN_OFFLOADS,
  txTunnelError: IN_OFFLOADS,
  txTunnelLost: IN_OFFLOADS,
  ringError: IN_OFFLOADS,
};

const TAP: Readonly<Record<keyof PortCounters, MetricName | null>> = {
  ...UNDERLAY,
  rxFrames: 'weft_tap_received_frames_total',
  rxBytes: 'weft_tap_received_bytes_total',
  rxBatches: 'weft_tap_received_batches_total',
  rxErrors: 'weft_tap_receive_errors_total',
  txFrames: 'weft_tap_sent_frames_total',
  txBytes: 'weft_tap_sent_bytes_total',
  txBatches: 'weft_tap_sends_total',
  txErrors: 'weft_tap_send_errors_total',
  txGsoRefused: 'weft_tap_gso_refused_total',
  rxMessages: NEVER,
  rxMerged: NEVER,
  txSegments: NEVER,
  txGsoSends: NEVER,
  txTunnelFrames: NEVER,
};

const OFFLOAD_STATES: readonly OffloadState[] = ['on', 'off', 'unavailable', 'lost'];

/** `networkOf`: the name of the network of a VNI, undefined for one that is gone since. */
export function dataplaneSamples(
  counters: DataplaneCounters,
  networkOf: (vni: number) => string | undefined,
): Sample[] {
  const named = <T extends { readonly vni: number }>(items: readonly T[]) =>
    items.flatMap(item => {
      const network = networkOf(item.vni);
      return network === undefined ? [] : [{ ...item, network }];
    });
  return [
    ...portSamples(counters.underlay, UNDERLAY, {}),
    ...tapSamples(named([...counters.ports, ...counters.closedPorts])),
    ...named(counters.answered).flatMap(({ network, arp, nd }) => [
      sample('weft_neighbor_answers_total', arp, { network, protocol: 'arp' }),
      sample('weft_neighbor_answers_total', nd, { network, protocol: 'nd' }),
    ]),
    ...named(counters.tables).flatMap(({ network, entries, claims, claimsUsed }) => [
      sample('weft_fdb_entries', entries, { network }),
      sample('weft_claims', claimsUsed, { network, state: 'used' }),
      sample('weft_claims', claims - claimsUsed, { network, state: 'unused' }),
    ]),
    ...dropSamples(counters, networkOf),
    sample('weft_dataplane_arena_bytes', counters.arenaBytes, {}),
  ];
}

/** Ports come and go with containers: their sum by network is what only grows. */
function tapSamples(
  ports: readonly { readonly network: string; readonly counters: PortCounters }[],
): Sample[] {
  const networks = [...new Set(ports.map(({ network }) => network))];
  return networks.flatMap(network => {
    const counters = ports.filter(port => port.network === network).map(port => port.counters);
    return portSamples(sumCounters(counters), TAP, { network });
  });
}

function portSamples(
  counters: PortCounters,
  names: Readonly<Record<keyof PortCounters, MetricName | null>>,
  labels: Readonly<Record<string, string>>,
): Sample[] {
  return (Object.keys(names) as (keyof PortCounters)[]).flatMap(counter => {
    const name = names[counter];
    return name === null ? [] : [{ name, labels, value: counters[counter] }];
  });
}

/**
 * Every reason is there from the beginning, with 0: a rate is seen only between two values. Those of no network have the empty label,
 * which to Prometheus is no label.
 */
function dropSamples(counters: DataplaneCounters, networkOf: (vni: number) => string | undefined): Sample[] {
  const rows = dataplaneDropRows(counters, vni => (vni === null ? null : (networkOf(vni) ?? null)));
  const networks = [
    null,
    ...counters.drops.flatMap(({ vni }) => (vni === null ? [] : (networkOf(vni) ?? []))),
  ];
  return networks.flatMap(network =>
    DROP_REASONS.map(reason => {
      const row = rows.find(candidate => candidate.network === network && candidate.reason === reason);
      return sample('weft_drops_total', row?.frames ?? 0, { network: network ?? '', reason });
    }),
  );
}

export function offloadSamples(states: StatusReport['dataplane']['offloads']): Sample[] {
  return Object.entries(states).flatMap(([offload, current]) =>
    stateSet(OFFLOAD_STATES, current, (state, value) =>
      sample('weft_offload_state', value, { offload, state }),
    ),
  );
}

export function pathSamples(paths: readonly PathReport[]): Sample[] {
  return paths.flatMap(({ vtep, ifname, sender, mtu }) => [
    sample('weft_path_info', 1, { vtep, interface: ifname ?? '', sender }),
    ...(mtu === null ? [] : [sample('weft_path_mtu_bytes', mtu, { vtep })]),
  ]);
}
