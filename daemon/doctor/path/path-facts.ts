/** What is found out of the path to one peer: the answers of the daemon, and what the doctor makes of them. */

export interface ProbePathRequest {
  /** Name of a node. */
  readonly peer: string;
}

/** How gossip reaches a peer, and the session in which its VXLAN port is probed. */
export interface PathOpening {
  readonly peer: string;
  /** Underlay address. */
  readonly address: string;
  readonly gossip: {
    readonly port: number;
    /** Datagrams there and back. `arrived`: whether they came there at least; null: nobody can say. */
    readonly udp: { readonly answered: boolean; readonly arrived: boolean | null };
    /** `failure`: an errno, or `timeout`; null: there was none. */
    readonly tcp: { readonly answered: boolean; readonly failure: string | null };
  };
  /** Milliseconds by which its clock is ahead of ours; null: it did not answer. */
  readonly clock_ms: number | null;
  /** Half the round trip: as far as that may be wrong. */
  readonly clock_error_ms: number;
  /** null: it cannot be opened over gossip. */
  readonly session: PathSession | null;
  /** Bytes of the largest outer IP packet that the networks of both need. */
  readonly needed_bytes: number;
}

export interface PathSession {
  readonly token: string;
  /** Where probes go. */
  readonly to: { readonly address: string; readonly port: number };
  /** Our own VTEP address. */
  readonly from: string;
  /** Where the peer says that it takes VXLAN. */
  readonly vtep: { readonly address: string; readonly port: number };
}

export interface ProbeSendRequest {
  readonly token: string;
  /** `bytes` of the whole outer IP packet. */
  readonly probes: readonly { readonly number: number; readonly bytes: number }[];
}

export interface ProbeSendReport {
  /** Of each probe 0, or the errno that refused it. */
  readonly errnos: readonly number[];
}

export interface ProbeLookRequest {
  readonly token: string;
  /** Waits until these are answered, but no longer than that. */
  readonly numbers: readonly number[];
  readonly wait_ms: number;
}

export interface ProbeLookReport {
  /** Numbers of the probes that came back. */
  readonly answered: readonly number[];
  /** Of those that came there; null: the peer cannot be asked. Only asked if not all came back. */
  readonly arrived: readonly number[] | null;
  /** Where the peer saw them come from, each once. */
  readonly seen_from: readonly (readonly [address: string, port: number])[];
  /** Where answers came from, each once. */
  readonly answered_from: readonly string[];
  /** Datagrams that were dropped for their checksums since the session was opened. */
  readonly checksum_errors: { readonly here: number | null; readonly there: number | null };
}

export interface PathOperations {
  openPath(request: ProbePathRequest): Promise<PathOpening>;
  sendProbes(request: ProbeSendRequest): Promise<ProbeSendReport>;
  lookAtProbes(request: ProbeLookRequest): Promise<ProbeLookReport>;
}

/** What is known of a path when it is judged. */
export interface PathFacts {
  readonly opening: PathOpening;
  /** undefined: it could not be probed. */
  readonly vxlan:
    | {
        /** Small probes sent as frames of containers are. */
        readonly small: DirectionFact;
        /** The same, whole with their checksums; undefined: this host cannot send such. */
        readonly raw: DirectionFact | undefined;
        /** Why not, where no such packet could even be tried. */
        readonly rawFailure?: string | undefined;
        /** The largest packet of each direction, up to what is needed; undefined: not even small ones pass. */
        readonly largest: { readonly there: number; readonly back: number } | undefined;
        /** Why this host refused to send, if it did. */
        readonly refused: readonly number[];
        readonly seenFrom: ProbeLookReport['seen_from'];
        readonly answeredFrom: readonly string[];
        readonly checksumErrors: ProbeLookReport['checksum_errors'];
        /** What routers said of it. */
        readonly complaints: readonly Complaint[];
      }
    | undefined;
}

export interface DirectionFact {
  readonly sent: number;
  /** null: the peer could not be asked. */
  readonly arrived: number | null;
  readonly answered: number;
}

/** An ICMP error about one of our probes. */
export interface Complaint {
  readonly from: string;
  /** `too-big`: of RFC 1191 and RFC 8201. */
  readonly kind: 'too-big' | 'port-unreachable' | 'prohibited' | 'unreachable';
  /** too-big: what would fit. */
  readonly mtu: number | null;
}
