/**
 * Every metric that weft exports: its type, unit, labels and meaning. The names are a contract, for dashboards and alerts are
 * made of them: do not rename. docs/metrics.md shows the same table, and definitions.test.ts holds the two together.
 *
 * Names follow https://prometheus.io/docs/practices/naming/ and the OpenMetrics specification 1.0: base units, the unit as a
 * suffix, `_total` for counters, `_info` for what is text. Labels are networks, members of the pool, reasons and other closed
 * sets: never a MAC, an address or a container, of which there is no end.
 */

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Undefined: a plain number. */
  readonly unit?: 'seconds' | 'bytes';
  readonly labels: readonly string[];
  /** One sentence, without a dot at the end. */
  readonly help: string;
}

const counter = (help: string, ...labels: readonly string[]) => ({ type: 'counter', help, labels }) as const;
const gauge = (help: string, ...labels: readonly string[]) => ({ type: 'gauge', help, labels }) as const;

const PROCESS = {
  weft_build_info: gauge(
    'Always 1; version of weft, commit it was built from, version of Node',
    'version',
    'commit',
    'runtime',
  ),
  weft_node_info: gauge('Always 1; name of this node and underlay address of its VTEP', 'node', 'underlay'),
  process_start_time_seconds: {
    ...gauge('When the daemon was started, seconds since the epoch'),
    unit: 'seconds',
  },
  process_cpu_seconds_total: { ...counter('Processor time of all threads of the daemon'), unit: 'seconds' },
  process_resident_memory_bytes: { ...gauge('Resident memory of the daemon'), unit: 'bytes' },
  process_open_fds: gauge('File descriptors that are open'),
  process_max_fds: gauge('File descriptors that may be open at one time'),
  weft_heap_used_bytes: {
    ...gauge('Memory in use on the JavaScript heap of the main thread'),
    unit: 'bytes',
  },
  weft_event_loop_delay_seconds: {
    ...gauge(
      'How late the main thread runs its callbacks, in the last whole minute; only while metrics.listen is set',
      'percentile',
    ),
    unit: 'seconds',
  },
  weft_event_loop_busy_seconds_total: {
    ...counter('Time in which the main thread had something to do'),
    unit: 'seconds',
  },
  weft_event_loop_idle_seconds_total: { ...counter('Time in which the main thread waited'), unit: 'seconds' },
  weft_collect_seconds: { ...gauge('How long it took to gather these metrics'), unit: 'seconds' },
  weft_collect_dataplane_seconds: {
    ...gauge('How long of that all dataplane workers took to answer'),
    unit: 'seconds',
  },
  weft_config_last_reload_successful: gauge(
    'Whether the last try to load the configuration was taken: 1, or 0 while the former one runs on',
  ),
  weft_config_last_reload_success_timestamp_seconds: {
    ...gauge('When the configuration was loaded last, seconds since the epoch'),
    unit: 'seconds',
  },
  weft_state_refused_files: gauge(
    'Files of the state that could not be written since the last time that they could',
  ),
  weft_state_write_failures_total: counter('Writes of files of the state that failed'),
  weft_log_lines_total: counter('Lines that were logged', 'level'),
  weft_log_suppressed_lines_total: counter(
    'Lines that were not logged, for too many of their event came',
    'event',
  ),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

const DATAPLANE = {
  weft_dataplane_workers: gauge('Threads that move frames'),
  weft_dataplane_arena_bytes: { ...gauge('Packet memory of all workers'), unit: 'bytes' },
  weft_drops_total: counter(
    'Frames that were dropped; weft drops says what each reason means',
    'network',
    'reason',
  ),
  weft_underlay_received_packets_total: counter('Datagrams received on the VXLAN port'),
  weft_underlay_received_bytes_total: { ...counter('Bytes of these, with the VXLAN header'), unit: 'bytes' },
  weft_underlay_received_messages_total: counter(
    'Messages in which the kernel handed them over; packets by messages is what UDP_GRO gains',
  ),
  weft_underlay_received_batches_total: counter('Batches in which they reached the forwarder'),
  weft_underlay_received_merged_packets_total: counter(
    "Those of them that became part of another's super-frame",
  ),
  weft_underlay_receive_errors_total: counter('Receive calls that failed: ICMP errors for what was sent'),
  weft_underlay_sent_frames_total: counter(
    'Frames and super-frames given to the underlay sockets and injectors',
  ),
  weft_underlay_sent_packets_total: counter(
    'Datagrams sent; packets by sends is what UDP_SEGMENT and sendmmsg gain',
  ),
  weft_underlay_sent_bytes_total: { ...counter('Bytes of these, with the VXLAN header'), unit: 'bytes' },
  weft_underlay_sends_total: counter('System calls that sent'),
  weft_underlay_gso_sends_total: counter('Sends that carried several datagrams (UDP_SEGMENT)'),
  weft_underlay_tunnel_frames_total: counter('Frames that left whole through an injector (tunnel-GSO)'),
  weft_underlay_send_errors_total: counter('Frames that the kernel did not take; weft_drops_total tells why'),
  weft_tap_received_frames_total: counter(
    'Frames and super-frames read from TAP devices: what containers send',
    'network',
  ),
  weft_tap_received_bytes_total: { ...counter('Bytes of these', 'network'), unit: 'bytes' },
  weft_tap_received_batches_total: counter('Batches in which they reached the forwarder', 'network'),
  weft_tap_receive_errors_total: counter('Reads that failed', 'network'),
  weft_tap_sent_frames_total: counter(
    'Frames and super-frames written to TAP devices: what containers get',
    'network',
  ),
  weft_tap_sent_bytes_total: { ...counter('Bytes of these', 'network'), unit: 'bytes' },
  weft_tap_sends_total: counter('System calls that wrote', 'network'),
  weft_tap_send_errors_total: counter('Frames that a TAP device did not take', 'network'),
  weft_tap_gso_refused_total: counter('Super-frames that were written segment by segment', 'network'),
  weft_neighbor_answers_total: counter(
    'ARP requests and neighbor solicitations answered here from what gossip has told',
    'network',
    'protocol',
  ),
  weft_fdb_entries: gauge('Entries of the forwarding table', 'network'),
  weft_offload_state: gauge('1 for the state in which an offload is, 0 for the others', 'offload', 'state'),
  weft_path_info: gauge(
    'Always 1; the underlay device by which another VTEP is reached, and how TCP leaves for it',
    'vtep',
    'interface',
    'sender',
  ),
  weft_path_mtu_bytes: {
    ...gauge('MTU of the path to another VTEP, of the outer packet', 'vtep'),
    unit: 'bytes',
  },
  weft_socket_drops_total: counter(
    'Datagrams that the kernel dropped at a socket of weft: its receive queue was full, or a checksum was wrong (/proc/net/udp)',
    'socket',
  ),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

const CONTROL = {
  weft_gossip_members: gauge('Other members of the pool', 'state'),
  weft_gossip_member_events_total: counter('What was noticed of other members since the start', 'event'),
  weft_gossip_health_score: gauge(
    'How far this node distrusts its own judgement (Lifeguard): 0 is healthy, 7 the worst',
  ),
  weft_gossip_encrypted: gauge('1 if gossip is encrypted, else 0'),
  weft_gossip_queue_length: gauge('News that waits to be spread', 'queue'),
  weft_gossip_received_messages_total: counter('Messages of gossip that were received', 'type'),
  weft_gossip_sent_messages_total: counter('Messages of gossip that were sent', 'type'),
  weft_gossip_received_datagrams_total: counter('Datagrams of gossip that were received'),
  weft_gossip_sent_datagrams_total: counter('Datagrams of gossip that were sent'),
  weft_gossip_drops_total: counter(
    'Messages of gossip that went no further; weft drops says what each reason means',
    'reason',
  ),
  weft_peer_state: gauge('1 for the state in which a peer is, 0 for the others', 'peer', 'state'),
  weft_peer_health: gauge('1 for how the last probe of a peer ended, 0 for the others', 'peer', 'health'),
  weft_peer_rtt_seconds: {
    ...gauge('Smoothed round-trip time of probes that the peer has acked itself', 'peer'),
    unit: 'seconds',
  },
  weft_peer_two_way_age_seconds: {
    ...gauge('Time since a peer last acked a probe, by any way', 'peer'),
    unit: 'seconds',
  },
  weft_records_links: gauge('Links of the record log, those that are being opened included'),
  weft_records_backlog: gauge('Frames of the record log that wait for a peer'),
  weft_records_held_bytes: { ...gauge('Records that are held, keys and content'), unit: 'bytes' },
  weft_records_unreadable: gauge('Records whose content cannot be read'),
  weft_records_sent_frames_total: counter('Frames of the record log that were sent'),
  weft_records_sent_bytes_total: { ...counter('Bytes of these'), unit: 'bytes' },
  weft_records_received_frames_total: counter('Frames of the record log that were received'),
  weft_records_received_bytes_total: { ...counter('Bytes of these'), unit: 'bytes' },
  weft_records_sent_hints_total: counter('Hints of the record log that were sent in datagrams of gossip'),
  weft_records_sent_hint_bytes_total: { ...counter('Bytes of these'), unit: 'bytes' },
  weft_records_drops_total: counter(
    'Frames and records that were not taken; weft drops says what each reason means',
    'reason',
  ),
  weft_claims: gauge(
    'What other nodes say of their containers: used by the dataplane, or unused, because the VTEP is not known yet or the address is attached here',
    'network',
    'state',
  ),
  weft_claims_frozen: gauge(
    'Addresses of containers here that others claim too, moved to and fro too often, and are held here',
  ),
  weft_claim_usable_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: [],
    help: 'From the claim of another node to its entry here, by the clocks of both machines',
  },
  weft_claim_usable_skewed_total: counter(
    'Claims that are not in it: by the two clocks, the entry was there before the claim or more than an hour after it',
  ),
  weft_claim_audits_total: counter('How often the entries of the dataplane were held against the claims'),
  weft_drift_repairs_total: counter(
    'Things of weft on this host that somebody had deleted or changed, and weft has put back; of a namespace that is gone, what was removed',
    'object',
  ),
  weft_claim_repairs_total: counter('Entries and VTEPs that such an audit found wrong, and mended'),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

const CONTAINERS = {
  weft_network_info: gauge(
    'Always 1; VNI and mode of a network that this node carries',
    'network',
    'vni',
    'mode',
  ),
  weft_network_mtu_bytes: { ...gauge('MTU inside a network, of an IP packet', 'network'), unit: 'bytes' },
  weft_network_vteps: gauge('Other VTEPs that carry a network', 'network'),
  weft_endpoints: gauge('Containers that are attached here', 'network'),
  weft_endpoints_suspended: gauge(
    'Those that are cut off, for their addresses may be of somebody else by now',
    'network',
  ),
  weft_ipam_fenced: gauge(
    '1 if this node may not use its addresses, for nobody confirms them; else 0',
    'network',
  ),
  weft_ipam_voters: gauge('Nodes that decide who gets addresses', 'network'),
  weft_ipam_voters_reachable: gauge('Those of them that are reached; a majority is needed', 'network'),
  weft_ipam_decisions_total: counter('Decisions about addresses so far, of the whole pool', 'network'),
  weft_ipam_addresses: gauge(
    'Addresses of this node: used, free, or resting after use',
    'network',
    'prefix',
    'state',
  ),
  weft_ipam_unowned_addresses: gauge('Addresses that no node owns', 'network', 'prefix'),
  weft_cni_call_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['command', 'outcome'],
    help: 'How long calls of the CNI plugin took',
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

const NAMES = {
  weft_dns_containers: gauge('Namespaces in which names are to be answered'),
  weft_dns_serving_containers: gauge(
    'Those of them in which they are; of the others weft endpoints says why not',
  ),
  weft_dns_queries_total: counter('Queries of containers'),
  weft_dns_answered_total: counter('Queries that were answered from what is known of containers'),
  weft_dns_forwarded_total: counter('Queries that a resolver of the VM has answered'),
  weft_dns_drops_total: counter(
    'Queries that were not answered; weft drops says what each reason means',
    'reason',
  ),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export const METRICS = { ...PROCESS, ...DATAPLANE, ...CONTROL, ...CONTAINERS, ...NAMES };

export type MetricName = keyof typeof METRICS;

export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

export function definitionOf(name: MetricName): MetricDefinition {
  return METRICS[name];
}
