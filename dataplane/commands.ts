/** What the main thread and the dataplane worker say to each other: plain data, structured-cloned. */
import type { IpAddress, MacAddress, Vni, VtepAddress } from './address.ts';
import type { AnswerCounts } from './answer-counters.ts';
import type { ClaimChanges, ClaimReport } from './claims.ts';
import type { DropReason } from './drop-reasons.ts';
import type { ErrorCode } from './errors.ts';
import type { NetworkOptions, NetworkRules } from './network.ts';
import type { NextHop } from './next-hops.ts';
import type { Offload, OffloadLost } from './offloads.ts';
import type { PortCounters } from './ports.ts';
import type { ProbeArrival, ProbeSend } from './probe-port.ts';

export interface VtepSpec {
  readonly address: VtepAddress;
  /** UDP port on which it receives VXLAN. */
  readonly port: number;
  /** Whether it tells by gossip which stations it has, and we have heard all of it. @default false */
  readonly tells?: boolean | undefined;
}

/** How a VTEP is reached past the sockets. */
export interface NextHopSpec extends NextHop {
  readonly vtep: VtepAddress;
  /** Name of the injector: `port` of the event when it fails. */
  readonly injector: string;
}

/** Commands and their arguments. Each is answered by a {@link Reply} with its id; they are carried out in order. */
export interface Commands {
  /**
   * Opens the underlay: the VXLAN socket and the source sockets. `offloads`: what may be asked of the kernel. `share`: with
   * other workers (udp.ts). `passed`: sockets of an earlier process, the worker's from now on. `held`: nothing
   * is read, of these and of TAPs, before `begin`.
   */
  open: {
    readonly underlay: VtepAddress;
    readonly port: number;
    readonly offloads: readonly Offload[];
    readonly share?: 'founds' | 'joins' | undefined;
    readonly passed?: readonly number[];
    readonly held?: boolean;
  };
  /** Networks, ports and claims are as they were when the earlier process ended: what has come since is read now. */
  begin: Record<never, never>;
  closeUnderlay: Record<never, never>;
  addNetwork: Omit<NetworkOptions, 'own' | 'maxLearned'>;
  setRules: NetworkRules & { readonly vni: Vni };
  /** Closes the ports of the network too. */
  removeNetwork: { readonly vni: Vni };
  /**
   * Hands over an open TAP descriptor: from now on the worker owns and closes it, also if the command fails. `reads`:
   * whether the worker reads what the device sends, or only writes. `bucket`: state of the rate limit that all workers
   * share (token-bucket.ts).
   */
  addPort: {
    readonly vni: Vni;
    readonly port: string;
    readonly fd: number;
    readonly reads: boolean;
    readonly bucket: SharedArrayBuffer;
  };
  removePort: { readonly vni: Vni; readonly port: string };
  /** The complete set of other VTEPs of the network from one source. */
  setVteps: { readonly vni: Vni; readonly source: 'gossip' | 'static'; readonly vteps: readonly VtepSpec[] };
  /**
   * The complete set of VTEPs that an injector leads to; the others are reached by the sockets. Descriptors stay the
   * caller's, who may close those that are not in it once the command is answered.
   */
  setNextHops: { readonly hops: readonly NextHopSpec[] };
  /**
   * A container's MAC is behind this port and nowhere else, until it is released. `addresses`: those it is known to have,
   * by which ARP and ND for them stay here. `bucket`: as of addPort. `isGateway`: it is that of the VM itself, of which every
   * VM has one with the same MAC: nothing of it crosses the tunnel (network.ts).
   */
  attachMac: {
    readonly vni: Vni;
    readonly mac: MacAddress;
    readonly port: string;
    readonly addresses?: readonly IpAddress[];
    readonly isGateway?: boolean;
    readonly bucket: SharedArrayBuffer;
  };
  releaseMac: { readonly vni: Vni; readonly mac: MacAddress };
  /** Where other nodes say that stations are: what is new of it. */
  changeClaims: { readonly vni: Vni } & ClaimChanges;
  /** The sessions of path probes that are open, by their tokens; the complete set (probe-port.ts). */
  setProbes: { readonly tokens: readonly Uint8Array[] };
  sendProbe: ProbeSend;
  /** All claims of all networks, and what became of each: to be held against what they should be. */
  readClaims: Record<never, never>;
  /** The VTEPs of the network that gossip has named: for the same purpose. */
  readVteps: { readonly vni: Vni };
  readTable: Record<never, never>;
  readCounters: Record<never, never>;
  close: Record<never, never>;
}

/** What a command answers; `undefined` where nothing is to be said. */
export interface Answers {
  /** `missing`: what the kernel does not have of the offloads that may be used. `descriptors`: of all sockets, which stay the worker's. */
  open: {
    readonly sourcePorts: readonly number[];
    readonly missing: readonly Offload[];
    readonly descriptors: readonly number[];
  };
  begin: undefined;
  closeUnderlay: undefined;
  addNetwork: undefined;
  setRules: undefined;
  removeNetwork: undefined;
  addPort: undefined;
  removePort: undefined;
  setVteps: undefined;
  setNextHops: undefined;
  attachMac: undefined;
  releaseMac: undefined;
  changeClaims: undefined;
  setProbes: undefined;
  /** 0, or the errno that refused it. */
  sendProbe: number;
  readClaims: readonly InstalledClaim[];
  readVteps: readonly InstalledVtep[];
  readTable: readonly TableEntry[];
  readCounters: DataplaneCounters;
  close: undefined;
}

export type InstalledClaim = ClaimReport & { readonly vni: Vni };

/** `isMissing`: not all workers have it so. */
export type InstalledVtep = Required<VtepSpec> & { readonly isMissing: boolean };

export interface TableEntry {
  readonly vni: Vni;
  readonly mac: MacAddress;
  readonly origin: 'learned' | 'gossip' | 'static' | 'attached';
  /** Id of the local port, or null. */
  readonly port: string | null;
  /** Address of the VTEP, or null. */
  readonly vtep: VtepAddress | null;
  /** Milliseconds since it was last seen as a source (learned) or set. */
  readonly ageMs: number;
}

export interface DataplaneCounters {
  readonly underlay: PortCounters;
  readonly ports: readonly { readonly vni: Vni; readonly port: string; readonly counters: PortCounters }[];
  readonly drops: readonly {
    /** null: frames that belong to no network. */
    readonly vni: Vni | null;
    readonly reasons: Partial<Record<DropReason, number>>;
  }[];
  readonly answered: readonly ({ readonly vni: Vni } & AnswerCounts)[];
  /** What ports counted that are closed by now, summed up: without it, the count of a network would go back with each detach. */
  readonly closedPorts: readonly { readonly vni: Vni; readonly counters: PortCounters }[];
  readonly tables: readonly ({ readonly vni: Vni } & TableSizes)[];
  /** Bytes of packet memory of all workers. */
  readonly arenaBytes: number;
}

/** How much of a network is known. All workers have about the same. */
export interface TableSizes {
  /** Entries of the forwarding table, of every origin. */
  readonly entries: number;
  /** Claims of other nodes, and those of them that frames go by. */
  readonly claims: number;
  readonly claimsUsed: number;
}

export type CommandName = keyof Commands;

export type Command = {
  [Name in CommandName]: { readonly id: number; readonly name: Name; readonly args: Commands[Name] };
}[CommandName];

export type FromWorker =
  | { readonly type: 'reply'; readonly id: number; readonly value: Answers[CommandName] }
  | {
      readonly type: 'failure';
      readonly id: number;
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly hint: string | undefined;
      };
    }
  /** The kernel refused an offload, which is not used any more; at most once for each port and offload. */
  | ({ readonly type: 'offloadLost' } & OffloadLost)
  /** A probe of an open session. */
  | ({ readonly type: 'probe' } & ProbeArrival)
  /** The device of a port was deleted; the port is closed and gone from its network. */
  | { readonly type: 'portLost'; readonly vni: Vni; readonly port: string; readonly errno: number };
