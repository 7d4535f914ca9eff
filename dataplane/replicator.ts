/**
 * Tells the other workers which MAC addresses this one has learned, so that all of them forward alike. Until a message is
 * there, the address is unknown there, as any other is before its first frame.
 *
 * What is sent carries the time of the frame by the clock of the process: a station that moved is never moved back by an
 * older message, whatever way that took (ForwardingTable.adopt).
 */
import type { MacAddress, Vni, VtepAddress } from './address.ts';
import type { Clock } from './clock.ts';
import type { Destination } from './forwarding-table.ts';
import type { LocalPort } from './local-port.ts';
import type { Vtep } from './vtep-table.ts';

/** A frame from `mac` came from a local port or from a VTEP: one of them is null. */
export interface LearnedMac {
  readonly vni: Vni;
  readonly mac: MacAddress;
  /** Id of the local port. */
  readonly port: string | null;
  readonly vtep: VtepAddress | null;
  /** Time of the frame, by systemClock. */
  readonly seen: number;
}

/** What is used of a MessagePort of node:worker_threads. */
export interface ReplicationChannel {
  postMessage(message: readonly LearnedMac[]): void;
  on(event: 'message', listener: (message: readonly LearnedMac[]) => void): unknown;
  close(): void;
}

/** How long what was learned waits for more: a thousand messages a second at the most, whoever floods us with addresses. */
const GATHER_MS = 1;

/** Addresses of one message at the most. What does not fit is told again 10 s later (forwarding-table.ts, TELL_MS): 4 million a second would do it. */
const MESSAGE_ADDRESSES = 4096;

export class Replicator {
  private readonly clock: Pick<Clock, 'after'>;
  private readonly channels: readonly ReplicationChannel[];
  private readonly gathered = new Map<string, LearnedMac>();
  private isGathering = false;

  /** `channels`: one to each other worker. */
  constructor(modules: {
    readonly clock: Pick<Clock, 'after'>;
    readonly channels: readonly ReplicationChannel[];
  }) {
    this.clock = modules.clock;
    this.channels = modules.channels;
  }

  /** Calls `adopt` with each address that others have learned, in the order in which each of them did. */
  onMessage(adopt: (learned: LearnedMac) => void): void {
    for (const channel of this.channels) channel.on('message', message => message.forEach(adopt));
  }

  /** What the forwarding table of a network is to call. */
  teller(vni: Vni): (mac: MacAddress, destination: Destination<LocalPort, Vtep>, seen: number) => void {
    return (mac, destination, seen) =>
      this.tell({
        vni,
        mac,
        port: destination.kind === 'port' ? destination.port.id : null,
        vtep: destination.kind === 'vtep' ? destination.vtep.address : null,
        seen,
      });
  }

  private tell(learned: LearnedMac): void {
    const key = `${learned.vni} ${learned.mac}`;
    if (this.gathered.size >= MESSAGE_ADDRESSES && !this.gathered.has(key)) return;
    this.gathered.set(key, learned);
    if (this.isGathering) return;
    this.isGathering = true;
    this.clock.after(GATHER_MS, () => this.send());
  }

  private send(): void {
    this.isGathering = false;
    const message = [...this.gathered.values()];
    this.gathered.clear();
    for (const channel of this.channels) channel.postMessage(message);
  }

  /** Lets the thread end. */
  close(): void {
    for (const channel of this.channels) channel.close();
  }
}
