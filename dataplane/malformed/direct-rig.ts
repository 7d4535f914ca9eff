/**
 * A VTEP without its system calls: the addon's coalescer and segmenter, the Forwarder between them, and ports that
 * record what they are given.
 *
 *   datagrams ─► coalesce (C) ─► Forwarder ─► what is written to the TAP
 *   what is sent on the underlay, cut (C) ◄─ Forwarder ◄─ frames of the TAP
 */
import { type IpAddress, parseIp, type VtepAddress } from '../address.ts';
import { Arena } from '../arena.ts';
import { checksumCompleter } from '../checksum-completer.ts';
import { Forwarder } from '../forwarder.ts';
import { FrameBatch, GSO_NONE } from '../frame-batch.ts';
import { LocalPort } from '../local-port.ts';
import { batchIo, COALESCE_TCP, COALESCE_UDP, COUNTERS } from '../native/batch-io.ts';
import { gather, type Outcome } from '../native/testing/segments.ts';
import { ANSWER_AREA_SIZE } from '../neighbor-responder.ts';
import { Network } from '../network.ts';
import type { PortCounters, TapPort, UdpPort } from '../ports.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { VtepTable } from '../vtep-table.ts';
import { BLUE, OUR_MAC, type Sender } from './row.ts';

const ADDRESSES: Readonly<Record<Sender, IpAddress>> = {
  self: parseIp('192.0.2.1'),
  peer: parseIp('192.0.2.2'),
  elsewhere: parseIp('192.0.2.3'),
  stranger: parseIp('192.0.2.99'),
};

/** Bytes before and behind each datagram that nobody may write to. */
const CANARY_SIZE = 64;
const CANARY = 0xa5;
const SCRATCH = 512 * 1024;
const MTU = 1450;

export interface Arrival {
  readonly datagram: Uint8Array;
  readonly sender?: Sender;
  readonly tos?: number;
}

class RecordingPort implements TapPort, UdpPort {
  readonly counters = Object.fromEntries(COUNTERS.map(name => [name, 0])) as unknown as PortCounters;
  readonly sourceSockets = 1;
  readonly sourcePorts = [49_152];
  private readonly record: (batch: FrameBatch, i: number) => void;

  constructor(record: (batch: FrameBatch, i: number) => void) {
    this.record = record;
  }

  write(batch: FrameBatch, first: number, count: number): void {
    for (let i = first; i < first + count; i++) {
      batch.setStatus(i, 0);
      this.record(batch, i);
    }
  }

  send(batch: FrameBatch, first: number, count: number): void {
    this.write(batch, first, count);
  }

  close(): void {
    throw new Error('nobody closes the ports of a DirectRig');
  }
}

export class DirectRig {
  readonly arena = new Arena({ slots: 4, scratchSize: SCRATCH });
  readonly network: Network;
  readonly forwarder: Forwarder;
  readonly container = new LocalPort('container');
  /** What was written to the TAP since {@link clear}, frame by frame; a merged one gathered. */
  readonly written: Outcome[] = [];
  /** The frames of the datagrams that were sent on the underlay. */
  readonly sent: Buffer[] = [];
  private readonly vteps = new VtepTable();
  private readonly input = new FrameBatch(8);
  private readonly output = new FrameBatch(8);

  constructor() {
    const { arena } = this;
    this.forwarder = new Forwarder({
      arena: arena.view,
      answerArea: arena.scratchOffset + SCRATCH - ANSWER_AREA_SIZE,
      completeChecksum: checksumCompleter({ arena }),
      vteps: this.vteps,
      hashSeed: 1,
    });
    const own = ADDRESSES.self as VtepAddress;
    this.network = new Network(
      { clock: new ManualClock(), time: { ms: new Float64Array(1) } },
      { name: 'blue', vni: BLUE, mtu: MTU, own, maxLearned: 16 },
    );
    this.forwarder.addNetwork(this.network);
    this.vteps.intern(ADDRESSES.elsewhere as VtepAddress, 4789);
    this.network.setVteps('static', [this.vteps.intern(ADDRESSES.peer as VtepAddress, 4789)]);
    this.container.use(
      new RecordingPort((batch, i) => this.written.push(gather(arena.memory, arena.pieceTable, batch, i))),
    );
    this.network.addPort(this.container);
    this.forwarder.useUdp(new RecordingPort((batch, i) => this.recordSent(batch, i)));
    this.clear();
  }

  /** Forgets what was recorded and learned; counters go on. */
  clear(): void {
    this.written.length = 0;
    this.sent.length = 0;
    this.network.table.forget(() => true);
    this.network.attach(OUR_MAC, this.container);
  }

  /** All drops so far, by reason. */
  drops(): Readonly<Record<string, number>> {
    return { ...this.forwarder.drops.snapshot(), ...this.network.drops.snapshot() };
  }

  /** One receive call. Returns the bytes around the datagrams that somebody has written to: none, if all is well. */
  receive(arrivals: readonly Arrival[]): number {
    const { arena, input, output } = this;
    let at = arena.scratchOffset;
    const end = at + arrivals.reduce((sum, { datagram }) => sum + datagram.length + CANARY_SIZE, CANARY_SIZE);
    arena.bytes.fill(CANARY, at, end);
    arrivals.forEach(({ datagram, sender = 'peer', tos = 0 }, i) => {
      at += CANARY_SIZE;
      arena.bytes.set(datagram, at);
      new Uint8Array(input.memory, i * 64, 64).fill(0);
      const encap = Math.min(8, datagram.length);
      input.setOffset(i, at + encap);
      input.setLength(i, datagram.length - encap);
      input.setEncapLength(i, encap);
      input.setFamily(i, 4);
      input.setPort(i, 50_000);
      input.setTos(i, tos);
      const [a = 0, b = 0, c = 0, d = 0] = ADDRESSES[sender].split('.').map(Number);
      new Uint8Array(input.memory, i * 64 + 28, 4).set([a, b, c, d]);
      at += datagram.length;
    });
    const [taken, frames] = batchIo.coalesce(
      arena.memory,
      arena.pieceTable,
      arena.pieceCount,
      input.memory,
      arrivals.length,
      output.memory,
      COALESCE_TCP | COALESCE_UDP,
    );
    if (taken !== arrivals.length) throw new Error(`the coalescer took ${taken} of ${arrivals.length}`);
    this.forwarder.onDatagrams(output, frames);
    return this.damagedCanaries(arrivals);
  }

  /** One batch from the container. Returns the bytes around the frames that somebody has written to: VXLAN headers alone. */
  transmit(frames: readonly Uint8Array[]): number {
    const { arena, input } = this;
    const arrivals = frames.map(datagram => ({ datagram }));
    let at = arena.scratchOffset;
    const end = at + frames.reduce((sum, { length }) => sum + length + CANARY_SIZE, CANARY_SIZE);
    arena.bytes.fill(CANARY, at, end);
    frames.forEach((frame, i) => {
      at += CANARY_SIZE;
      arena.bytes.set(frame, at);
      new Uint8Array(input.memory, i * 64, 64).fill(0);
      input.setOffset(i, at);
      input.setLength(i, frame.length);
      at += frame.length;
    });
    this.forwarder.onTapFrames(this.network, this.container, input, frames.length);
    return this.damagedCanaries(arrivals);
  }

  private damagedCanaries(arrivals: readonly Arrival[]): number {
    let at = this.arena.scratchOffset;
    let damaged = 0;
    for (const { datagram } of [...arrivals, { datagram: new Uint8Array(0) }]) {
      for (let i = 0; i < CANARY_SIZE; i++) if (this.arena.bytes[at + i] !== CANARY) damaged++;
      at += CANARY_SIZE + datagram.length;
    }
    return damaged;
  }

  private recordSent(batch: FrameBatch, i: number): void {
    const { memory } = this.arena;
    if (batch.gsoType(i) === GSO_NONE) {
      if (checksumCompleter(this)(batch, i) !== 0) throw new Error('a frame that no port would send');
      this.sent.push(Buffer.from(memory.slice(batch.offset(i), batch.offset(i) + batch.length(i))));
      return;
    }
    const encap = batch.encapLength(i);
    const one = new FrameBatch(1);
    one.copyFrom(batch, i, 0);
    const segments = Math.ceil((batch.length(i) - batch.headerLength(i)) / batch.gsoSize(i));
    const out = new ArrayBuffer(batch.length(i) + segments * (encap + batch.headerLength(i)));
    const bytes = batchIo.segmentFrame(memory, one.memory, out);
    if (bytes < 0) throw new Error(`a super-frame that cannot be cut: ${bytes}`);
    const whole = encap + batch.headerLength(i) + batch.gsoSize(i);
    for (let at = 0; at < bytes; at += whole)
      this.sent.push(Buffer.from(out.slice(at + encap, Math.min(at + whole, bytes))));
  }
}
