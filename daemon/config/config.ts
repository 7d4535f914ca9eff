/** The configuration as the daemon uses it: checked, with defaults filled in. docs/configuration.md explains each. */
import type { GossipProfileName } from '../../control/constants.ts';
import type { GossipKey } from '../../control/gossip-key.ts';
import type { IpAddress, Vni, VtepAddress } from '../../dataplane/address.ts';
import type { Offload, OffloadSwitch } from '../../dataplane/offloads.ts';
import type { DnsConfig } from '../dns/dns-config.ts';
import type { LogLevel } from '../log-fields.ts';
import type { LogFormat } from '../log-format.ts';

export interface Config {
  readonly node: {
    /** Unique in the cluster. */
    readonly name: string;
    /** Address of this VTEP; undefined: to be taken from the default route. */
    readonly underlay: IpAddress | undefined;
  };
  /** Absolute directories: `state` survives a reboot, `run` need not. */
  readonly paths: { readonly state: string; readonly run: string };
  readonly vxlan: { readonly port: number };
  readonly gossip: {
    readonly port: number;
    readonly join: readonly HostPort[];
    /** Encrypts what is sent; undefined: gossip is not encrypted. */
    readonly key: GossipKey | undefined;
    /** Open what arrives, beside `key`. */
    readonly keys: readonly GossipKey[];
    /** The timing. */
    readonly profile: GossipProfileName;
  };
  readonly dataplane: {
    /** Threads that move frames, 1 … MAX_WORKERS. */
    readonly workers: 'auto' | number;
    readonly sender: Sender;
    readonly offload: Readonly<Record<Offload, OffloadSwitch>>;
  };
  readonly networks: readonly NetworkConfig[];
  readonly dns: DnsConfig;
  /** Where the plugin of Docker listens; undefined: it does not, unless it is handed a socket that listens. */
  readonly docker: { readonly socket: string | undefined };
  readonly metrics: {
    /** IP address and TCP port for Prometheus; undefined: there is no listener. */
    readonly listen: HostPort | undefined;
  };
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
}

export interface NetworkConfig {
  readonly name: string;
  readonly vni: Vni;
  /** A CIDR with no host bits, as in 198.18.0.0/16. */
  readonly subnet: string | undefined;
  /** The same of IPv6, beside it. */
  readonly subnet6: string | undefined;
  readonly mode: NetworkMode;
  readonly attach: AttachMode;
  /** Every VM is a way out of the network, by addresses of its own subnets (networks/gateway.ts). */
  readonly gateway: boolean;
  /** Addresses of the gateway, one of a family at the most; empty: the first of each subnet. */
  readonly gatewayAddresses: readonly IpAddress[];
  /** macvlan: the interface of the VM that its interfaces share. */
  readonly parent: string | undefined;
  readonly macvlanMode: MacvlanMode;
  /** How weft gives out the addresses of the subnets; undefined: somebody else does. */
  readonly ipam: IpamConfig | undefined;
  /** Bytes of an IP packet inside the network; auto: what the underlay leaves. */
  readonly mtu: 'auto' | number;
  /** VTEPs that run no weft; all of the underlay's address family, none of them the underlay itself. */
  readonly staticVteps: readonly VtepAddress[];
  readonly unknownUnicast: UnknownUnicast;
  readonly unknownAddress: UnknownAddress;
  /** Broadcast, multicast and unknown-unicast frames a second of each container; 0: no limit. */
  readonly bumRate: number;
}

export interface IpamConfig {
  /** Nodes that own the addresses to begin with; empty for a network that was made by command. */
  readonly founders: readonly string[];
  /** Never given out. Addresses, CIDRs, or `first-last`. */
  readonly exclude: readonly string[];
  /** Given out only to who asks for them by name. */
  readonly static: readonly string[];
}

/**
 * How far ARP and ND go for an IP address that nobody has told of. `flood`: to every VTEP of the network. `local`: to local
 * containers and VTEPs that do not tell what they have.
 */
export const UNKNOWN_ADDRESS = ['flood', 'local'] as const;
export type UnknownAddress = (typeof UNKNOWN_ADDRESS)[number];

/** What becomes of unicast to a MAC that nobody has told of: daemon/networks/forwarding-rules.ts. */
export const UNKNOWN_UNICAST = ['auto', 'drop', 'flood'] as const;
export type UnknownUnicast = (typeof UNKNOWN_UNICAST)[number];

/**
 * How frames leave for other VTEPs. `udp-gso`: many datagrams a send (UDP_SEGMENT). `tunnel-gso`: TCP in whole super-frames,
 * through an injector. `plain`: one datagram a send. `auto`: tunnel-gso into devices where it pays, else udp-gso.
 */
export const SENDERS = ['auto', 'udp-gso', 'tunnel-gso', 'plain'] as const;
export type Sender = (typeof SENDERS)[number];

/**
 * What a network is.
 * - `overlay`: one segment across all VMs, by VXLAN.
 * - `bridge`: a segment of its own on each VM, with a way out by NAT.
 * - `macvlan`: the segment that an interface of the VM is in.
 * - `host`: the interfaces of the VM itself; nothing is made.
 */
export const NETWORK_MODES = ['overlay', 'bridge', 'macvlan', 'host'] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

/**
 * Whom the interfaces on one parent reach (linux/if_link.h, MACVLAN_MODE). `bridge`: each other, directly. `private`: nobody of them. `vepa`:
 * each other by way of a switch outside that sends frames back (IEEE 802.1Qbg).
 */
export const MACVLAN_MODES = ['bridge', 'private', 'vepa'] as const;
export type MacvlanMode = (typeof MACVLAN_MODES)[number];

export const ATTACH_MODES = ['bridge', 'tap'] as const;
export type AttachMode = (typeof ATTACH_MODES)[number];

/** `host` is a host name, or an IP address in canonical text without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** The IANA port of VXLAN (RFC 7348 section 5). */
export const DEFAULT_VXLAN_PORT = 4789;

/** The port of memberlist and serf. */
export const DEFAULT_GOSSIP_PORT = 7946;

export const DEFAULT_CONFIG_PATH = '/etc/weft/weft.yaml';
export const DEFAULT_STATE_PATH = '/var/lib/weft';
export const DEFAULT_RUN_PATH = '/run/weft';

/** RFC 791 section 3.2: "Every internet destination must be able to receive a datagram of 576 octets". */
export const MIN_MTU = 576;

/**
 * The longest IPv4 packet, 65535 bytes, less the 50 of VXLAN over IPv4: 20 IPv4, 8 UDP, 8 VXLAN, 14 Ethernet (RFC 7348
 * section 5).
 */
export const MAX_MTU = 65_485;

/**
 * Broadcast, multicast and unknown unicast that a container may send in a second. One that starts sends about ten (DAD, MLD,
 * router solicitations), one that opens connections to others an ARP request for each; a loop sends as fast as it can, and
 * each frame is copied for every VM.
 */
export const DEFAULT_BUM_RATE = 1000;
export const MAX_BUM_RATE = 1_000_000;
