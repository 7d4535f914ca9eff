/** What is known of this host when it is judged: plain values, so that a check is a function of them. */
import type { Link } from '../net/ip.ts';
import type { RuleBook } from './packet-filter.ts';
import type { SelfReport } from './self-report.ts';

export interface HostFacts {
  /** What the daemon says of itself; undefined: none answers. */
  readonly daemon: SelfReport | undefined;
  /** Why none answers. */
  readonly silence: string | undefined;
  readonly lostOffloads: readonly string[];
  /** Of the daemon, or of its configuration, or by default. */
  readonly ports: { readonly vxlan: number; readonly gossip: number };
  readonly links: readonly Link[];
  /** Listening sockets and bound UDP sockets. */
  readonly sockets: readonly SocketFact[];
  /** Path below /proc/sys/net → value; those that are not there are not in it. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly rules: RuleBook;
  /** undefined: conntrack is not in use. */
  readonly conntrack: ConntrackFacts | undefined;
  /** Interfaces of containers, as they are in their namespaces. */
  readonly containers: readonly ContainerFact[];
  /** Links of ours that a network manager has taken for its own. */
  readonly managed: readonly { readonly manager: 'networkd' | 'NetworkManager'; readonly ifname: string }[];
  readonly files: readonly FileFact[];
  readonly disk: { readonly path: string; readonly free: number } | undefined;
  /** CapEff of the daemon. */
  readonly capabilities: bigint | undefined;
  /** Devices by which packets to other VTEPs leave. */
  readonly routes: readonly { readonly to: string; readonly dev: string }[];
}

export interface SocketFact {
  readonly protocol: 'udp' | 'tcp';
  /** Without zone; `*`, 0.0.0.0 and [::] for all. */
  readonly address: string;
  readonly port: number;
  /** null: nobody's, as that of the kernel's VXLAN is. */
  readonly process: { readonly name: string; readonly pid: number } | null;
  /** Bytes of its receive buffer, as the kernel counts them (twice what was asked for, socket(7)). */
  readonly receiveBuffer: number;
  /** Datagrams that found it full. */
  readonly drops: number;
}

export interface ConntrackFacts {
  readonly count: number;
  readonly max: number;
  /** Entries of the VXLAN port. */
  readonly vxlan: number;
}

export interface ContainerFact {
  readonly netns: string;
  readonly ifname: string;
  /** undefined: it is not there. */
  readonly link: Pick<Link, 'mtu' | 'flags' | 'address'> | undefined;
}

export interface FileFact {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly hasKey: boolean;
}
