/** Probes of the path on the VXLAN port: those of open sessions are told, the rest is dropped as any frame of VNI 0. */
import { type IpAddress, ipFromBytes, type VtepAddress } from './address.ts';
import type { Arena } from './arena.ts';
import { FrameBatch } from './frame-batch.ts';
import { PROBE_HEADER_SIZE, type ProbeKind, readProbe, writeProbe } from './headers/probe.ts';
import { hasVniFlag, readVni, VXLAN_HEADER_SIZE } from './headers/vxlan.ts';
import { SLOT_SIZE, type UdpPort } from './ports.ts';
import { Vtep } from './vtep-table.ts';

/** A probe that has come, as it is told to the main thread. */
export interface ProbeArrival {
  readonly kind: ProbeKind;
  readonly token: Uint8Array;
  readonly number: number;
  /** Bytes of the frame, without encapsulation. */
  readonly length: number;
  /** Where it came from, as this host sees it. */
  readonly address: IpAddress;
  readonly port: number;
}

export interface ProbeSend {
  readonly to: VtepAddress;
  readonly port: number;
  /** Which of the source ports; taken modulo their number. */
  readonly socket: number;
  readonly kind: ProbeKind;
  readonly token: Uint8Array;
  readonly number: number;
  /** As of {@link ProbeArrival}. */
  readonly length: number;
}

/** Probes told for each time that sessions change: whoever repeats one on the way gains nothing by a million of them. */
const BUDGET = 1024;

/** The longest frame of a probe that can be sent. */
export const MAX_PROBE_LENGTH = SLOT_SIZE - 64;

export class ProbePort {
  private readonly arena: Arena;
  private readonly onProbe: (arrival: ProbeArrival) => void;
  private readonly batch = new FrameBatch(1);
  private tokens: readonly Uint8Array[] = [];
  private budget = 0;

  constructor(modules: { readonly arena: Arena }, onProbe: (arrival: ProbeArrival) => void) {
    this.arena = modules.arena;
    this.onProbe = onProbe;
  }

  /** The sessions that are open; the complete set. */
  setTokens(tokens: readonly Uint8Array[]): void {
    this.tokens = tokens;
    this.budget = BUDGET;
  }

  /** Whether frame `i` is a probe of an open session, which is told. Nobody knows its sender yet. */
  take(batch: FrameBatch, i: number): boolean {
    if (this.tokens.length === 0 || this.budget === 0) return false;
    const { view } = this.arena;
    const at = batch.offset(i);
    const header = at - VXLAN_HEADER_SIZE;
    if (!hasVniFlag(view, header) || readVni(view, header) !== 0 || batch.pieceCount(i) > 0) return false;
    const length = batch.length(i);
    const probe = readProbe(view, at, length);
    if (probe === undefined || !this.tokens.some(token => Buffer.compare(token, probe.token) === 0))
      return false;
    this.budget--;
    const words = Int32Array.from({ length: 4 }, (_, word) => batch.addressWord(i, word));
    const bytes = new Uint8Array(words.buffer, 0, batch.family(i) === 4 ? 4 : 16);
    this.onProbe({ ...probe, length, address: ipFromBytes(bytes), port: batch.port(i) });
    return true;
  }

  /** Sends one as the frames of containers are sent. Returns 0, or the errno that refused it. */
  send(udp: UdpPort, { to, port, socket, length, ...probe }: ProbeSend): number {
    const { arena, batch } = this;
    // Between two batches nothing lies in the slots.
    const frame = arena.slotOffset(0);
    const bounded = Math.min(MAX_PROBE_LENGTH, Math.max(PROBE_HEADER_SIZE, length));
    writeProbe(arena.view, frame - VXLAN_HEADER_SIZE, bounded, probe);
    batch.setOffset(0, frame);
    batch.setLength(0, bounded);
    batch.setEncapLength(0, VXLAN_HEADER_SIZE);
    batch.setSocket(0, socket % udp.sourceSockets);
    new Vtep(to, port).writeTo(batch, 0);
    udp.send(batch, 0, 1);
    return batch.status(0);
  }
}
