/** What is compared: each joins two containers on two machines in its own way. */
import type { Host } from '../../daemon/lab/host.ts';
import type { Lab } from '../../daemon/lab/lab.ts';
import type { LabProcess } from '../../daemon/lab/lab-process.ts';

/** What the daemons did so far, summed over both machines. */
export interface PacketCounters {
  readonly packetsSent: number;
  /** System calls that sent them. */
  readonly sends: number;
  readonly packetsReceived: number;
  /** Messages that the kernel handed over. */
  readonly receives: number;
}

/** Two containers that reach each other, and what carries their frames. */
export interface Path {
  readonly client: Host;
  readonly server: Host;
  /** Of the server. */
  readonly address: string;
  /** The processes that do the work; none where the kernel does it. */
  readonly daemons: readonly LabProcess[];
  /** Only where the daemon counts system calls. */
  readonly counters?: () => Promise<PacketCounters>;
}

export interface Subject {
  readonly name: string;
  /** What it is and how it is set up here, for the report. */
  readonly meaning: string;
  /** Programs it needs; where one is missing, the subject is left out. */
  readonly programs: readonly string[];
  /** How to ask one of the programs for its version; undefined where the kernel's or weft's own version tells. */
  readonly version?: readonly [string, ...string[]];
  /** Builds it in an empty lab; the end of the lab removes all of it. */
  build(lab: Lab): Promise<Path>;
}

export const NO_OVERLAY = 'no overlay';
export const KERNEL_VXLAN = 'kernel vxlan';
export const WEFT_BRIDGE = 'weft bridge';
export const WEFT_TAP = 'weft tap';
export const OPEN_VSWITCH = 'Open vSwitch netdev';
