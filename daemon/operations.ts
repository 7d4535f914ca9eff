/**
 * What one can ask of a running node, and the exact JSON of the answers. The API (api/server.ts) offers it over the
 * Unix socket, the CLI prints it, node.ts implements it. These shapes are a contract: scripts rely on them.
 */

import type { KeyOperation } from '../control/serf/key-agent.ts';
import type { OffloadKey, OffloadState } from '../dataplane/offloads.ts';

export interface StatusReport {
  readonly node: {
    readonly name: string;
    readonly underlay: string;
    readonly version: string;
    readonly uptime_s: number;
  };
  readonly networks: readonly NetworkSummary[];
  readonly peers: { readonly alive: number; readonly suspect: number; readonly dead: number };
  readonly dataplane: {
    readonly workers: number;
    readonly rx_packets: number;
    readonly tx_packets: number;
    readonly rx_bytes: number;
    readonly tx_bytes: number;
    /** What the kernel handed over: rx_packets / rx_messages is how many packets it merged (UDP_GRO). */
    readonly rx_messages: number;
    /** System calls that sent: tx_packets / tx_sends is how many packets one call carried. */
    readonly tx_sends: number;
    /** Reason → frames dropped for it; only reasons that have occurred. */
    readonly drops: Readonly<Record<string, number>>;
    readonly offloads: Readonly<Record<OffloadKey, OffloadState>>;
    /** The best in use: how TCP leaves for at least one VTEP. */
    readonly sender: PathReport['sender'];
    /** One for each other VTEP. */
    readonly paths: readonly PathReport[];
  };
}

/** How TCP reaches another VTEP. */
export interface PathReport {
  readonly vtep: string;
  /** The underlay device; null if there is no route, or nobody looked for it. */
  readonly ifname: string | null;
  /** MAC address of the next hop; null if it is not known. */
  readonly next_hop: string | null;
  /** Bytes of an outer IP packet. */
  readonly mtu: number | null;
  readonly sender: 'tunnel-gso' | 'udp-gso' | 'plain';
  /** Why it is not tunnel-gso; null if it is. */
  readonly reason: string | null;
}

export interface NetworkSummary {
  readonly name: string;
  readonly vni: number;
  readonly mtu: number;
  readonly endpoints: number;
}

export interface NetworkReport extends NetworkSummary {
  readonly subnet: string | null;
  readonly attach: 'bridge' | 'tap';
  /** Underlay addresses of the other VTEPs that broadcast is replicated to now. */
  readonly vteps: readonly string[];
}

export interface PeerReport {
  readonly name: string;
  /** Underlay (VTEP) address. */
  readonly address: string;
  readonly state: 'alive' | 'suspect' | 'dead' | 'left';
  readonly vnis: readonly number[];
  /** Seconds since this peer last answered or sent us anything; null if it never did. */
  readonly last_seen_s: number | null;
  readonly incarnation: number;
}

export interface FdbReport {
  readonly network: string;
  readonly vni: number;
  readonly mac: string;
  readonly where: 'local' | 'remote';
  /** Underlay address of the VTEP behind which the MAC is; null for a local one. */
  readonly vtep: string | null;
  readonly origin: 'learned' | 'gossip' | 'static' | 'attached';
  readonly age_s: number;
}

export interface EndpointReport {
  readonly network: string;
  readonly vni: number;
  /** The namespace as the operator named it. */
  readonly netns: string;
  readonly ifname: string;
  readonly mac: string;
  /** CIDRs, as in 198.18.0.2/24. */
  readonly addresses: readonly string[];
  readonly mtu: number;
  readonly attach: 'bridge' | 'tap';
}

export interface DropReport {
  /** Network name, or null for what belongs to no network (an unknown VNI, a malformed datagram, gossip). */
  readonly network: string | null;
  /** Of dataplane/drop-reasons.ts, or `gossip_` and one of control/counters.ts. */
  readonly reason: string;
  /** Frames, or messages of gossip. */
  readonly frames: number;
  /** What the reason means, for people. */
  readonly meaning: string;
}

/** What the members of the pool answer to a question about their gossip keys. Keys are fingerprints, 16 hex digits. */
export interface KeysReport {
  readonly nodes: readonly {
    readonly name: string;
    readonly ok: boolean;
    /** Why not; null if it is. */
    readonly message: string | null;
    /** The key that it seals with; null unless a list was asked for. */
    readonly primary: string | null;
    /** All that it opens; empty unless a list was asked for. */
    readonly keys: readonly string[];
  }[];
}

export interface KeysRequest {
  readonly operation: KeyOperation;
  /** In base64, or the fingerprint of one that this node has; undefined for a list. */
  readonly key: string | undefined;
}

export interface AttachRequest {
  /** A name (`ip netns`), a path, or a PID. */
  readonly netns: string;
  readonly network: string;
  /** CIDRs; empty: the interface gets no address but its IPv6 link-local one. */
  readonly addresses: readonly string[];
  readonly ifname: string;
  readonly mac: string | undefined;
}

export interface DetachRequest {
  readonly netns: string;
  readonly network: string;
  readonly ifname: string;
}

/** The running node. Requests arrive checked and in canonical form (api/requests.ts). Every method may throw a WeftError, whose line is shown to the operator. */
export interface NodeOperations {
  status(): Promise<StatusReport>;
  peers(): Promise<readonly PeerReport[]>;
  fdb(): Promise<readonly FdbReport[]>;
  networks(): Promise<readonly NetworkReport[]>;
  endpoints(): Promise<readonly EndpointReport[]>;
  drops(): Promise<readonly DropReport[]>;
  /** Attaching what is attached already with the same parameters succeeds and changes nothing. */
  attach(request: AttachRequest): Promise<EndpointReport>;
  /** Lists, adds, uses or removes a key of gossip on every node of the pool. */
  gossipKeys(request: KeysRequest): Promise<KeysReport>;
  /** Detaching what is not there succeeds; `removed` tells which it was. */
  detach(request: DetachRequest): Promise<{ readonly removed: boolean }>;
}
