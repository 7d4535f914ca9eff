/**
 * TapPort and UdpPort without a kernel: what is written to one port is queued and handed to another, in batches, with
 * headroom, as the real ports do. port-contract.ts says what both promise, and holds the fakes to it.
 *
 *   MemoryTapPair       a ◄──────► b           like two TAPs on one bridge
 *   MemoryUdpNetwork    address:port ◄─► …     like one subnet; MTU, loss and congestion marks on request
 *
 * A {@link MemoryPump} moves what is queued, when told to or in a microtask; one pump can serve a whole topology.
 */
import { constants } from 'node:os';
import { type IpAddress, ipFamily, ipFromBytes } from '../address.ts';
import { WeftError } from '../errors.ts';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_NONE } from '../frame-batch.ts';
import { ETHERNET_HEADER_SIZE } from '../headers/ethernet.ts';
import { IPV4_MIN_HEADER_SIZE } from '../headers/ipv4.ts';
import { IPV6_HEADER_SIZE } from '../headers/ipv6.ts';
import { UDP_HEADER_SIZE } from '../headers/udp.ts';
import { VXLAN_HEADER_SIZE } from '../headers/vxlan.ts';
import type { BatchHandler, CompleteChecksum, TapPort, UdpPort } from '../ports.ts';
import { Vtep } from '../vtep-table.ts';
import { concat } from './frames.ts';
import { hasSoundGeometry, type MemoryModules, MemoryPort, memoryCompleteChecksum } from './memory-pump.ts';
import { referenceSegments } from './reference-segments.ts';

const { EAFNOSUPPORT, EINVAL, EIO, EMSGSIZE } = constants.errno;

/** First of the ephemeral ports (RFC 6335 section 6), which RFC 7348 section 5 recommends for source ports. */
const FIRST_SOURCE_PORT = 49_152;

/** Two TAPs: what is written to one is received by the other, offload metadata included. */
export class MemoryTapPair {
  readonly a: TapPort;
  readonly b: TapPort;
  private readonly ends: readonly [MemoryTap, MemoryTap];

  constructor(modules: MemoryModules, handlers: { readonly a: BatchHandler; readonly b: BatchHandler }) {
    const a = new MemoryTap(modules, handlers.a);
    const b = new MemoryTap(modules, handlers.b);
    a.connect(b);
    b.connect(a);
    this.a = a;
    this.b = b;
    this.ends = [a, b];
  }

  /** A device that is down refuses every write with EIO. */
  setUp(up: boolean): void {
    for (const end of this.ends) end.isUp = up;
  }
}

export interface MemoryUdpNetworkOptions {
  /** Largest IP packet. @default 1500 */
  readonly mtu?: number;
  /** Share of datagrams that vanish, 0 … 1; needs `random`. @default 0 */
  readonly loss?: number;
  /** A seeded source of numbers in [0, 1). */
  readonly random?: () => number;
  /** What the routers do to the TOS byte on the way, as in marking congestion. @default nothing */
  readonly mark?: (tos: number) => number;
}

export interface MemoryUdpOptions {
  readonly address: IpAddress;
  readonly port: number;
  /** Bytes of encapsulation before the frame in what is received. @default 8, the VXLAN header */
  readonly encapLength?: number;
  /** @default 4 */
  readonly sourceSockets?: number;
}

export interface Datagram {
  readonly from: IpAddress;
  readonly fromPort: number;
  readonly to: IpAddress;
  readonly toPort: number;
  readonly tos?: number;
  readonly bytes: Uint8Array;
}

/** One network of both families; datagrams to an address and port that nobody opened vanish. */
export class MemoryUdpNetwork {
  mtu: number;
  loss: number;
  private readonly random: () => number;
  private readonly mark: (tos: number) => number;
  private readonly modules: MemoryModules;
  private readonly ports = new Map<string, MemoryUdp>();

  constructor(modules: MemoryModules, options: MemoryUdpNetworkOptions = {}) {
    this.modules = modules;
    this.mtu = options.mtu ?? 1500;
    this.loss = options.loss ?? 0;
    this.random = options.random ?? (() => 1);
    this.mark = options.mark ?? (tos => tos);
  }

  /** Throws `conflict` when the address and port are taken. */
  open(handler: BatchHandler, options: MemoryUdpOptions): UdpPort {
    const key = `${options.address} ${options.port}`;
    if (this.ports.has(key)) throw new WeftError('conflict', `${key} is in use`);
    const port = new MemoryUdp(this.modules, this, handler, options, () => this.ports.delete(key));
    this.ports.set(key, port);
    return port;
  }

  /** Lets a datagram arrive that no port here sent: a runt, a forgery. It is neither lost nor marked. */
  inject(datagram: Datagram): void {
    this.ports.get(`${datagram.to} ${datagram.toPort}`)?.receive(datagram);
  }

  /** For the ports: carries a datagram, or loses it. */
  carry(datagram: Datagram & { readonly tos: number }): void {
    if (this.random() < this.loss) return;
    this.inject({ ...datagram, tos: this.mark(datagram.tos) });
  }
}

class MemoryTap extends MemoryPort implements TapPort {
  isUp = true;
  private peer: MemoryTap | undefined;

  constructor(modules: MemoryModules, handler: BatchHandler) {
    super(modules, handler, 0);
  }

  connect(peer: MemoryTap): void {
    this.peer = peer;
  }

  write(batch: FrameBatch, first: number, count: number): void {
    this.transmitAll(batch, first, count, (_, i) => this.writeOne(batch, i));
  }

  private writeOne(batch: FrameBatch, i: number): number {
    if (!hasSoundGeometry(this.arena, batch, i) || batch.length(i) < ETHERNET_HEADER_SIZE) return EINVAL;
    if (!this.isUp) return EIO;
    const sent = new FrameBatch(1);
    sent.copyFrom(batch, i, 0);
    // A TAP carries the frame alone: the encapsulation that a receiving UdpPort left before it stays behind.
    sent.setEncapLength(0, 0);
    sent.setStatus(0, 0);
    this.peer?.accept({ bytes: this.copy(sent, 0), describe: (into, to) => into.copyFrom(sent, 0, to) });
    return 0;
  }
}

class MemoryUdp extends MemoryPort implements UdpPort {
  readonly sourceSockets: number;
  readonly sourcePorts: readonly number[];
  private readonly network: MemoryUdpNetwork;
  private readonly address: IpAddress;
  private readonly release: () => void;
  private readonly completeChecksum: CompleteChecksum;

  constructor(
    modules: MemoryModules,
    network: MemoryUdpNetwork,
    handler: BatchHandler,
    options: MemoryUdpOptions,
    release: () => void,
  ) {
    super(modules, handler, options.encapLength ?? VXLAN_HEADER_SIZE);
    this.network = network;
    this.address = options.address;
    this.release = release;
    this.sourceSockets = options.sourceSockets ?? 4;
    this.sourcePorts = Array.from({ length: this.sourceSockets }, (_, i) => FIRST_SOURCE_PORT + i);
    this.completeChecksum = memoryCompleteChecksum(modules.arena);
  }

  send(batch: FrameBatch, first: number, count: number): void {
    this.transmitAll(batch, first, count, (_, i) => this.sendOne(batch, i));
  }

  override close(): void {
    super.close();
    this.release();
  }

  receive({ bytes, from, fromPort, tos = 0 }: Datagram): void {
    const sender = new Vtep(from, fromPort);
    this.accept({
      bytes: Uint8Array.from(bytes),
      describe: (batch, i) => {
        sender.writeTo(batch, i);
        batch.setTos(i, tos);
      },
    });
  }

  private sendOne(batch: FrameBatch, i: number): number {
    const fromPort = this.sourcePorts[batch.socket(i)];
    if (fromPort === undefined || !hasSoundGeometry(this.arena, batch, i)) return EINVAL;
    const family = batch.family(i);
    if (family !== ipFamily(this.address)) return EAFNOSUPPORT;
    const datagrams = this.datagrams(batch, i);
    if (datagrams === undefined) return EINVAL;
    const headers = (family === 4 ? IPV4_MIN_HEADER_SIZE : IPV6_HEADER_SIZE) + UDP_HEADER_SIZE;
    if (datagrams.some(bytes => headers + bytes.length > this.network.mtu)) return EMSGSIZE;
    for (const bytes of datagrams) {
      this.network.carry({
        from: this.address,
        fromPort,
        to: addressOf(batch, i),
        toPort: batch.port(i),
        tos: batch.tos(i),
        bytes,
      });
      this.counters.txSegments++;
    }
    return 0;
  }

  /** What goes out for one frame; undefined for a super-frame that cannot be cut. */
  private datagrams(batch: FrameBatch, i: number): readonly Uint8Array[] | undefined {
    if (batch.gsoType(i) === GSO_NONE) {
      this.completeChecksum(batch, i);
      return [this.copy(batch, i)];
    }
    if ((batch.flags(i) & FLAG_NEEDS_CSUM) === 0 || batch.gsoSize(i) === 0) return undefined;
    const bytes = this.copy(batch, i);
    const encapLength = batch.encapLength(i);
    const segments = referenceSegments({
      bytes: bytes.subarray(encapLength),
      gsoType: batch.gsoType(i),
      gsoSize: batch.gsoSize(i),
      headerLength: batch.headerLength(i),
      csumStart: batch.csumStart(i),
    });
    return segments.map(segment => concat(bytes.subarray(0, encapLength), segment));
  }
}

/** The address in descriptor `i`, as text. */
function addressOf(batch: FrameBatch, i: number): IpAddress {
  const words = Uint32Array.from([0, 1, 2, 3], word => batch.addressWord(i, word));
  return ipFromBytes(new Uint8Array(words.buffer, 0, batch.family(i) === 4 ? 4 : 16));
}
