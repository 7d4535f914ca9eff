/**
 * What one can ask of a running node, and the exact JSON of the answers. The API (api/server.ts) offers it over the
 * Unix socket, the CLI prints it, node.ts implements it. These shapes are a contract: scripts rely on them.
 */

import type { ProbeHealth } from '../control/contact.ts';
import type { Rule } from '../control/records/claim.ts';
import type { ExplainedClaim } from '../control/records/explain.ts';
import type { KeyOperation } from '../control/serf/key-agent.ts';
import type { ClaimState } from '../dataplane/claims.ts';
import type { OffloadKey, OffloadState } from '../dataplane/offloads.ts';
import type { MacvlanMode, NetworkMode } from './config/config.ts';
import type { DnsReport, ResolveReport, ResolveRequest, ResolverState } from './dns/dns-reports.ts';
import type { DoctorOperations } from './doctor/doctor-operations.ts';
import type { Bandwidth } from './endpoints/bandwidth.ts';
import type { AttachKind } from './endpoints/endpoint.ts';
import type { PortMapping } from './endpoints/port-mapping.ts';
import type { Route } from './endpoints/route.ts';
import type { MetricFormat } from './metrics/metric-format.ts';
import type { BandwidthReport, PublishedPortReport } from './reports/endpoint-parts.ts';
import type { StateReport } from './state-watch.ts';

export interface StatusReport {
  readonly node: {
    readonly name: string;
    readonly underlay: string;
    readonly version: string;
    readonly uptime_s: number;
  };
  readonly networks: readonly NetworkSummary[];
  readonly peers: { readonly alive: number; readonly suspect: number; readonly dead: number };
  readonly gossip: {
    /** How far this node trusts its own judgement of others (Lifeguard section IV-A): 0 is healthy, 7 the worst. */
    readonly health_score: number;
    readonly encrypted: boolean;
  };
  readonly claims: ClaimsReport;
  readonly dns: DnsReport;
  readonly state: StateReport;
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

/** What became of what other nodes claim; all zero on a node that hears of no claims. */
export interface ClaimsReport {
  /** Claims that the dataplane uses. */
  readonly installed: number;
  /** Claims that it does not use yet, or cannot: it is being told, or their VTEP is not known. */
  readonly waiting: number;
  /** Entries that an audit found other than they should be, and mended. */
  readonly repaired: number;
  readonly audits: number;
  readonly usable_ms: UsableReport;
}

/** From the claim of another node to its entry here, in milliseconds, as a histogram. */
export interface UsableReport {
  readonly count: number;
  /** Not in the rest: by the clocks of the two machines, the entry was there before the claim, or more than an hour after it. */
  readonly skewed: number;
  /** The upper bound of the bucket that holds it, or the highest sample if that is lower; null: no samples. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  /** How many were at most `le`; null is the one for all. */
  readonly buckets: readonly { readonly le: number | null; readonly count: number }[];
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
  /** The subnet of IPv6 beside it. */
  readonly subnet6: string | null;
  /** This node carries it: it has containers in it, or it stands in its configuration. */
  readonly carried: boolean;
  /** In the configuration of this node, or made by weft network create somewhere in the pool. */
  readonly source: 'config' | 'created';
  /** The node on which it was made; null for one of the configuration. */
  readonly created_by: string | null;
  /** Why it cannot be used: another network holds what it would take; null: it can. */
  readonly conflict: string | null;
  readonly mode: NetworkMode;
  readonly attach: 'bridge' | 'tap';
  /** Addresses by which its containers reach what is outside; empty: it has no gateway. */
  readonly gateway: readonly string[];
  /** MAC address of the gateway, the same on every VM; null: it is none of weft's, or there is none. */
  readonly gateway_mac: string | null;
  /** Of mode macvlan, else null: the interface of the VM, and whom its containers reach. */
  readonly parent: string | null;
  readonly macvlan_mode: MacvlanMode | null;
  /** Who gives out the addresses of its subnets: weft, or somebody else. */
  readonly ipam: 'weft' | 'none';
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
  /**
   * How our last probe of it ended. `good`: acked directly. `indirect`: only by way of others, or of TCP. `failing`: not at
   * all. null: it was not probed yet.
   */
  readonly health: ProbeHealth | null;
  /** Smoothed round-trip time of directly acked probes in milliseconds; null if none was. */
  readonly rtt_ms: number | null;
  /** Seconds since it last acked a probe of ours, by any way: proof that both directions pass; null if it never did. */
  readonly last_two_way_s: number | null;
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

/** The interface of a container: attached here, or one that another node says it has. */
export interface EndpointReport {
  readonly network: string;
  readonly vni: number;
  readonly where: 'local' | 'remote';
  /** Name of the node that has it. */
  readonly owner: string;
  /** Underlay address of the VTEP behind which it is; null for a local one. */
  readonly vtep: string | null;
  /** The namespace as the operator named it; null for a remote one. */
  readonly netns: string | null;
  /** The interface inside the container. */
  readonly ifname: string;
  /** null: of mode host, whose interfaces are those of the VM. */
  readonly mac: string | null;
  /** CIDRs, as in 198.18.0.2/24; without prefix length for a remote one, whose is not told. */
  readonly addresses: readonly string[];
  readonly mtu: number | null;
  readonly attach: AttachKind | null;
  /** Ports of its node that lead to it; of a remote one nobody tells. */
  readonly ports: readonly PublishedPortReport[];
  /** The rates that it keeps to; null: to none. Of a remote one nobody tells. */
  readonly bandwidth: BandwidthReport | null;
  /**
   * Seconds since it was attached or taken over, for a remote one since this node knows that its owner has it; null for
   * one that was recorded but is not served.
   */
  readonly age_s: number | null;
  /** How often its MAC has moved (RFC 7432 section 7.7); null where it is not known. */
  readonly mobility: number | null;
  /** It has moved too often and is held where it is. */
  readonly frozen: boolean;
  /** Its MAC must not move. */
  readonly sticky: boolean;
  /** Cut off, for its addresses may be somebody else's by now; of a remote one nobody tells. */
  readonly suspended: boolean;
  /** Id of the container, as its owner tells it; null if it tells none. */
  readonly container: string | null;
  /** Under which it is found as NAME.NETWORK.weft. */
  readonly names: readonly string[];
  /** Whether names are answered inside its namespace, or why not; null for a remote one. */
  readonly resolver: ResolverState | null;
}

export interface ExplainRequest {
  readonly mac: string;
  /** undefined: all networks of this node. */
  readonly network: string | undefined;
}

/** All that a node knows of one MAC address: at least one network, or the question is answered with `not_found`. */
export interface ExplainReport {
  readonly mac: string;
  readonly networks: readonly ExplainedNetwork[];
}

export interface ExplainedNetwork {
  readonly network: string;
  readonly vni: number;
  /** What the dataplane goes by now; null: the MAC is unknown to it. */
  readonly entry: Pick<FdbReport, 'where' | 'vtep' | 'origin' | 'age_s'> | null;
  /** What nodes say of it, the winner first. */
  readonly claims: readonly ExplainedClaimReport[];
  /** How often it went from one node to another, that did not let go of it, in the last 180 s; at 5 it is frozen. */
  readonly contested_moves: number;
  /** In a sentence: where a frame to it goes now, and why. */
  readonly conclusion: string;
}

/** What one node says of a MAC address, and how that stands. */
export interface ExplainedClaimReport {
  readonly owner: string;
  /** null: its node has not told it yet. */
  readonly vtep: string | null;
  readonly addresses: readonly string[];
  readonly mobility: number;
  readonly sticky: boolean;
  readonly frozen: boolean;
  /**
   * `winner`; `outranked` by the winner; `hidden`: its node is not there; `parked`: the VTEP of its node is not known yet;
   * `deleted`: taken back.
   */
  readonly standing: ExplainedClaim['standing'];
  /** What decided, between the winner and the next, or this one and the winner; null where nothing had to be decided. */
  readonly rule: Rule | null;
  /** The same for people. */
  readonly why: string;
  /** Seconds since this node knows that the owner has it, or has it no more. */
  readonly since_s: number;
  /** What the dataplane makes of it (dataplane/claims.ts); null: it was not told of it. */
  readonly dataplane: ClaimState | null;
}

export interface ReleaseRequest {
  readonly mac: string;
  readonly network: string;
}

export interface NetworkCreateRequest {
  readonly name: string;
  /** undefined: one that nobody has is drawn. */
  readonly vni: number | undefined;
  readonly subnet: string | undefined;
  readonly subnet6: string | undefined;
  readonly attach: 'bridge' | 'tap';
  /** @default 'overlay' */
  readonly mode?: NetworkMode;
  /** @default false; mode bridge has one always */
  readonly gateway?: boolean;
  /** Of the gateway, one of a family at the most. @default the first of each subnet */
  readonly gatewayAddresses?: readonly string[];
  /** macvlan: the interface that its containers share. */
  readonly parent?: string | undefined;
  /** @default 'bridge' */
  readonly macvlanMode?: MacvlanMode;
  readonly mtu: 'auto' | number;
  /** undefined: weft, if it has a subnet. */
  readonly ipam: 'weft' | 'none' | undefined;
  readonly exclude: readonly string[];
  readonly static: readonly string[];
}

/** Who has which addresses of a network, as far as this node knows. */
export interface IpamReport {
  readonly network: string;
  /** This node may not use its addresses: nobody has confirmed that they are still its own. */
  readonly fenced: boolean;
  /** The nodes that decide who gets what; a majority has to be up for that. */
  readonly voters: readonly string[];
  readonly reachable: readonly string[];
  /** Decisions so far. */
  readonly decided: number;
  /** What this node waits for, in words. */
  readonly waiting_for: readonly string[];
  readonly spaces: readonly {
    readonly prefix: string;
    /** Addresses of this node: all of them, in use, to be had, resting after use. */
    readonly owned: number;
    readonly used: number;
    readonly free: number;
    readonly resting: number;
    /** Addresses that no node owns; text, for a /64 has more than a number holds. */
    readonly unowned: string;
    /** Who owns what; null: it rests since its owner was forgotten. */
    readonly ranges: readonly { readonly prefix: string; readonly owner: string | null }[];
  }[];
}

export interface ForgetRequest {
  readonly node: string;
}

export interface NetworkRemoveRequest {
  readonly name: string;
}

export interface DropReport {
  /** Network name, or null for what belongs to no network (an unknown VNI, a malformed datagram, gossip). */
  readonly network: string | null;
  /** Of dataplane/drop-reasons.ts, or `gossip_` and one of control/counters.ts, `records_`, `dns_`. */
  readonly reason: string;
  /** Frames, messages of gossip, or queries of containers. */
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
  /** In the order in which they are added. */
  readonly routes?: readonly Route[];
  /** Rates that it keeps to. @default none */
  readonly bandwidth?: Bandwidth;
  /** Ports of this VM that lead to it. @default none */
  readonly ports?: readonly PortMapping[];
  /** What a container runtime knows it by: its id, and what it calls the network. */
  readonly container?:
    | { readonly runtime: string; readonly id: string; readonly network: string }
    | undefined;
  /** Labels of DNS in lower case, under which containers of the network find it: NAME.NETWORK.weft. The first is what its addresses are called. */
  readonly names?: readonly string[];
  /** Whether names are answered inside its namespace (dns/). @default true */
  readonly resolver?: boolean;
}

export interface DetachRequest {
  readonly netns: string;
  readonly network: string;
  readonly ifname: string;
}

/** The running node. Requests arrive checked and in canonical form (api/requests.ts). Every method may throw a WeftError, whose line is shown to the operator. */
export interface NodeOperations extends DoctorOperations {
  status(): Promise<StatusReport>;
  peers(): Promise<readonly PeerReport[]>;
  fdb(): Promise<readonly FdbReport[]>;
  /** The networks of the pool, as far as this node knows. */
  networks(): Promise<readonly NetworkReport[]>;
  /** Makes a network for all nodes. Throws `conflict`, naming who holds its name, VNI or addresses. */
  createNetwork(request: NetworkCreateRequest): Promise<NetworkReport>;
  /** Removing what is not there succeeds. Throws `conflict` while there are containers in it. */
  removeNetwork(request: NetworkRemoveRequest): Promise<{ readonly removed: boolean }>;
  endpoints(): Promise<readonly EndpointReport[]>;
  drops(): Promise<readonly DropReport[]>;
  /** All metrics as Prometheus reads them (docs/metrics.md). */
  metrics(format: MetricFormat): Promise<string>;
  /** Attaching what is attached already with the same parameters succeeds and changes nothing. */
  attach(request: AttachRequest): Promise<EndpointReport>;
  /** Lists, adds, uses or removes a key of gossip on every node of the pool. */
  gossipKeys(request: KeysRequest): Promise<KeysReport>;
  /** Why frames to a MAC go where they go. Throws `not_found` for a network or a MAC of which nothing is known. */
  explain(request: ExplainRequest): Promise<ExplainReport>;
  /** What is answered to containers that ask for a name. Throws `not_found` for one that nobody has, in any network of this node. */
  resolve(request: ResolveRequest): Promise<ResolveReport>;
  /**
   * Lets a MAC that is frozen on this node move again; `released` tells whether it was. Throws `conflict` when another node
   * holds it frozen, and names that.
   */
  release(request: ReleaseRequest): Promise<{ readonly released: boolean }>;
  /** Who has which addresses, of each network that gives them out itself. */
  ipam(): Promise<readonly IpamReport[]>;
  /** Takes the addresses of a node that is gone for good. Throws `conflict` while it is alive, `unavailable` without a majority of the voters. */
  forget(request: ForgetRequest): Promise<{ readonly networks: readonly string[] }>;
  /** Detaching what is not there succeeds; `removed` tells which it was. */
  detach(request: DetachRequest): Promise<{ readonly removed: boolean }>;
}
