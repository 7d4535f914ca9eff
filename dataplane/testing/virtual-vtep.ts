/**
 * A whole VTEP without a kernel: a Forwarder between fake TAPs and a fake underlay. `cable` of a container is the far
 * end of its TAP: what the test writes there the VTEP receives, what the VTEP delivers is collected in `received`.
 */
import type { IpAddress, Vni } from '../address.ts';
import type { Clock } from '../clock.ts';
import type { DropReason } from '../drop-reasons.ts';
import { Forwarder } from '../forwarder.ts';
import { FLAG_NEEDS_CSUM, FrameBatch } from '../frame-batch.ts';
import { LocalPort } from '../local-port.ts';
import { ANSWER_AREA_SIZE } from '../neighbor-responder.ts';
import { Network, type NetworkOptions } from '../network.ts';
import { HEADROOM, type TapPort } from '../ports.ts';
import type { Time } from '../thread-time.ts';
import { VtepTable } from '../vtep-table.ts';
import { timeOf } from './manual-time.ts';
import { MemoryTapPair, type MemoryUdpNetwork } from './memory-ports.ts';
import { type MemoryModules, memoryCompleteChecksum } from './memory-pump.ts';
import type { SuperFrame } from './reference-segments.ts';
import { describeSuperFrame } from './super-frames.ts';

/** Where a partial checksum stands; as `struct virtio_net_hdr` has it. */
export interface PartialChecksum {
  readonly start: number;
  readonly offset: number;
}

export class VirtualContainer {
  /** Whole frames, in order of arrival. */
  readonly received: Buffer[] = [];
  readonly port: LocalPort;
  readonly link: MemoryTapPair;
  private readonly cable: TapPort;
  private readonly modules: MemoryModules;

  constructor(modules: MemoryModules, forwarder: Forwarder, network: Network, id: string) {
    this.modules = modules;
    this.port = new LocalPort(id);
    this.link = new MemoryTapPair(modules, {
      a: (batch, count) => forwarder.onTapFrames(network, this.port, batch, count),
      b: (batch, count) => {
        for (let i = 0; i < count; i++) {
          this.received.push(
            Buffer.from(modules.arena.bytes.slice(batch.offset(i), batch.offset(i) + batch.length(i))),
          );
        }
      },
    });
    this.cable = this.link.b;
    this.port.use(this.link.a);
    network.addPort(this.port);
  }

  /** Sends super-frames in one batch. */
  sendSuper(frames: readonly SuperFrame[]): void {
    const batch = new FrameBatch(frames.length);
    frames.forEach((frame, i) => {
      this.place(batch, i, frame.bytes);
      describeSuperFrame(batch, i, frame);
    });
    this.cable.write(batch, 0, frames.length);
  }

  /** Sends frames in one batch, each with the same partial checksum, if any. */
  send(frames: readonly Uint8Array[], checksum?: PartialChecksum): void {
    const batch = new FrameBatch(frames.length);
    frames.forEach((frame, i) => {
      this.place(batch, i, frame);
      if (checksum === undefined) return;
      batch.setFlags(i, FLAG_NEEDS_CSUM);
      batch.setCsumStart(i, checksum.start);
      batch.setCsumOffset(i, checksum.offset);
    });
    this.cable.write(batch, 0, frames.length);
  }

  private place(batch: FrameBatch, i: number, frame: Uint8Array): void {
    const at = this.modules.arena.allocate(HEADROOM + frame.length) + HEADROOM;
    this.modules.arena.bytes.set(frame, at);
    batch.setOffset(i, at);
    batch.setLength(i, frame.length);
  }
}

/** What is not the default in a network of a test. */
export type NetworkRules = Partial<Omit<NetworkOptions, 'name' | 'vni' | 'own'>>;

export interface VirtualVtepOptions {
  readonly address: IpAddress;
  readonly port?: number;
}

export class VirtualVtep {
  readonly address: IpAddress;
  readonly forwarder: Forwarder;
  private readonly modules: MemoryModules & { readonly clock: Clock };
  private readonly vteps = new VtepTable();
  private readonly time: Time;

  constructor(
    modules: MemoryModules & { readonly clock: Clock; readonly underlay: MemoryUdpNetwork },
    { address, port = 4789 }: VirtualVtepOptions,
  ) {
    this.modules = modules;
    this.time = timeOf(modules.clock);
    this.address = address;
    this.forwarder = new Forwarder({
      arena: modules.arena.view,
      answerArea: modules.arena.allocate(ANSWER_AREA_SIZE),
      completeChecksum: memoryCompleteChecksum(modules.arena),
      vteps: this.vteps,
      hashSeed: 1,
    });
    this.forwarder.useUdp(
      modules.underlay.open((batch, count) => this.forwarder.onDatagrams(batch, count), {
        address,
        port,
        sourceSockets: 16,
      }),
    );
  }

  addNetwork(vni: Vni, peers: readonly IpAddress[], rules: NetworkRules = {}): Network {
    const network = new Network(
      { clock: this.modules.clock, time: this.time },
      { name: `net-${vni}`, vni, mtu: 1450, own: this.address, ...rules },
    );
    this.forwarder.addNetwork(network);
    this.setPeers(network, peers);
    return network;
  }

  /** All that gossip tell what they have, unless `telling` says who does. */
  setPeers(
    network: Network,
    peers: readonly IpAddress[],
    source: 'gossip' | 'static' = 'gossip',
    telling: readonly IpAddress[] = peers,
  ): void {
    network.setVteps(
      source,
      peers.map(peer => this.vteps.intern(peer, 4789)),
      telling,
    );
  }

  /** What the datapath does when one network learns of another port at an address that all may know. */
  moveVtep(address: IpAddress, port: number): void {
    const vtep = this.vteps.intern(address, port);
    for (const network of this.forwarder.allNetworks()) network.repointVtep(vtep);
  }

  addContainer(network: Network, id: string): VirtualContainer {
    return new VirtualContainer(this.modules, this.forwarder, network, id);
  }

  /** All drops of this VTEP, of its networks and of frames that belong to none. */
  drops(): Partial<Record<DropReason, number>> {
    const sum: Partial<Record<DropReason, number>> = { ...this.forwarder.drops.snapshot() };
    for (const { drops } of this.forwarder.allNetworks()) {
      for (const [reason, count] of Object.entries(drops.snapshot()) as [DropReason, number][]) {
        sum[reason] = (sum[reason] ?? 0) + count;
      }
    }
    return sum;
  }
}
