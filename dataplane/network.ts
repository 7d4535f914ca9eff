/** One VXLAN segment on this VTEP: its ports, its forwarding table and the VTEPs that carry it too. */
import { randomInt } from 'node:crypto';
import { type IpAddress, type MacAddress, macHigh, macLow, type Vni, type VtepAddress } from './address.ts';
import { AnswerCounters } from './answer-counters.ts';
import { Claims } from './claims.ts';
import type { Clock } from './clock.ts';
import { DROP, DropCounters } from './drop-reasons.ts';
import { FloodList } from './flood-list.ts';
import { type Destination, ForwardingTable } from './forwarding-table.ts';
import { ETHERNET_HEADER_SIZE } from './headers/ethernet.ts';
import type { LocalPort } from './local-port.ts';
import { type Neighbor, Neighbors, neighborOf } from './neighbors.ts';
import { readCounters, sumCounters } from './port-counters.ts';
import { portLosses } from './port-losses.ts';
import type { PortCounters } from './ports.ts';
import { StationIndex } from './station-index.ts';
import type { Time } from './thread-time.ts';
import { BUCKET_BYTES, TokenBucket } from './token-bucket.ts';
import type { Vtep } from './vtep-table.ts';

/** Learned entries of one network at the most; the oldest goes first. Ten times what one network usually holds. */
export const MAX_LEARNED = 65_536;

/**
 * How far a frame goes for which nobody is known.
 * - `nobody`: it is dropped.
 * - `silent`: to VTEPs that do not tell what they have, and to local ports; dropped where all of them tell, for then it is
 *   nowhere.
 * - `everybody`: to every VTEP, as RFC 7348 section 4.2 has it.
 */
export type FloodScope = 'nobody' | 'silent' | 'everybody';

/** How far ARP and ND go: `local` is to local ports alone, `silent` to VTEPs that do not tell what they have too. */
export type Reach = 'local' | Exclude<FloodScope, 'nobody'>;

export interface NetworkOptions {
  readonly name: string;
  readonly vni: Vni;
  /** MTU of the inner interfaces, bytes of IP packet. */
  readonly mtu: number;
  /** Address of this node's VTEP: never a member of the flood list. */
  readonly own: VtepAddress;
  readonly maxLearned?: number;
  /** Unicast to a MAC that nobody has told of. @default 'everybody' */
  readonly unknownUnicast?: FloodScope | undefined;
  /**
   * ARP requests, neighbor solicitations and announcements for an address that nobody has told of. @default 'everybody'
   */
  readonly unknownAddress?: Exclude<FloodScope, 'nobody'> | undefined;
  /**
   * Frames a second, with bursts of a second's worth, that each station attached here may send to nobody in particular:
   * broadcast, multicast and unknown unicast. All others behind one port have as much together. 0: no limit. @default 0
   */
  readonly bumRate?: number | undefined;
}

/** What becomes of frames for nobody in particular: it can be changed at any time. */
export type NetworkRules = Pick<NetworkOptions, 'unknownUnicast' | 'unknownAddress' | 'bumRate'>;

export interface NetworkModules {
  readonly clock: Pick<Clock, 'now'>;
  /** Of that clock. */
  readonly time: Time;
  /** Hears of what the forwarding table has learned (forwarding-table.ts). */
  readonly onLearned?:
    | ((mac: MacAddress, destination: Destination<LocalPort, Vtep>, seen: number) => void)
    | undefined;
}

const NONE: readonly Vtep[] = [];

interface Attachment {
  readonly port: LocalPort;
  readonly neighbor: Neighbor;
  readonly addresses: readonly IpAddress[];
  /** The state of its rate limit. */
  readonly bucket: ArrayBufferLike;
}

export class Network {
  readonly name: string;
  readonly vni: Vni;
  readonly mtu: number;
  /** The longest frame that this network carries: header and MTU. */
  readonly maxFrame: number;
  readonly drops = new DropCounters();
  readonly table: ForwardingTable<LocalPort, Vtep>;
  readonly flood: FloodList<Vtep>;
  private unknownUnicast: FloodScope = 'everybody';
  unknownAddress: Reach = 'everybody';
  readonly neighbors = new Neighbors();
  /** ARP requests and neighbor solicitations that were answered here. */
  readonly answered = new AnswerCounters();
  readonly claims: Claims;
  /** What ports counted that are closed by now; undefined: none is. */
  closedPorts: PortCounters | undefined;
  /** The local ports; a new array whenever they change, so that the frame path can iterate over it as it is. */
  ports: readonly LocalPort[] = [];
  private readonly time: Time;
  private bumRate = 0;
  /** The state of the rate limit of each port. */
  private readonly portBuckets = new WeakMap<LocalPort, ArrayBufferLike>();
  private readonly buckets = new StationIndex<TokenBucket>({ seed: randomInt(2 ** 32) });
  private readonly attachments = new Map<MacAddress, Attachment>();
  /** No half of a MAC address. */
  private gatewayHigh = -1;
  private gatewayLow = -1;

  constructor(modules: NetworkModules, options: NetworkOptions) {
    this.name = options.name;
    this.vni = options.vni;
    this.mtu = options.mtu;
    this.time = modules.time;
    this.setRules(options);
    this.maxFrame = ETHERNET_HEADER_SIZE + options.mtu;
    this.table = new ForwardingTable(modules, { maxLearned: options.maxLearned ?? MAX_LEARNED });
    this.flood = new FloodList({ own: options.own });
    this.claims = new Claims(this);
  }

  /** From now on; what a station has spent of its former limit counts. */
  setRules({ unknownUnicast = 'everybody', unknownAddress = 'everybody', bumRate = 0 }: NetworkRules): void {
    this.unknownUnicast = unknownUnicast;
    this.unknownAddress = unknownAddress;
    if (bumRate === this.bumRate) return;
    this.bumRate = bumRate;
    for (const port of this.ports) port.bum = this.limit(this.portBuckets.get(port));
    for (const [mac, { bucket }] of this.attachments) this.setLimit(mac, bucket);
  }

  /** `bucket`: the state of its rate limit, shared with the other threads that read it (token-bucket.ts). */
  addPort(port: LocalPort, bucket: ArrayBufferLike = new ArrayBuffer(BUCKET_BYTES)): void {
    port.bum = this.limit(bucket);
    this.portBuckets.set(port, bucket);
    this.ports = [...this.ports, port];
  }

  /** Takes the port away with every entry that leads to it. */
  removePort(port: LocalPort): void {
    this.ports = this.ports.filter(other => other !== port);
    // What it had to give up stays counted when the port is gone.
    for (const [reason, frames] of portLosses(port.tap.counters, 'tap')) this.drops.add(DROP[reason], frames);
    const counted = readCounters(port.tap.counters);
    this.closedPorts = this.closedPorts === undefined ? counted : sumCounters([this.closedPorts, counted]);
    for (const [mac, attachment] of this.attachments) if (attachment.port === port) this.release(mac);
    this.table.forget(destination => destination.kind === 'port' && destination.port === port);
  }

  /**
   * The complete set of VTEPs from one source replaces the former one; entries behind a lost VTEP go at once. `telling`:
   * which of those that gossip named tell what they have.
   */
  setVteps(source: 'gossip' | 'static', vteps: readonly Vtep[], telling: readonly VtepAddress[] = []): void {
    this.flood.replace(source, vteps);
    if (source === 'gossip') this.flood.setTelling(telling);
    this.vtepsChanged();
  }

  /** What gossip has said last of who carries the network. */
  gossipedVteps(): { readonly vtep: Vtep; readonly tells: boolean }[] {
    return this.flood.saidBy('gossip');
  }

  /** The VTEP of this address was started anew on another port: whatever led to the former object is forgotten. */
  repointVtep(vtep: Vtep): void {
    if (this.flood.repoint(vtep)) this.vtepsChanged();
  }

  private vtepsChanged(): void {
    this.table.forget(destination => destination.kind === 'vtep' && !this.flood.has(destination.vtep));
    this.claims.refresh();
  }

  private limit(state: ArrayBufferLike = new ArrayBuffer(BUCKET_BYTES)): TokenBucket | undefined {
    const { time, bumRate: rate } = this;
    return rate === 0 ? undefined : new TokenBucket({ time, state }, { rate });
  }

  private setLimit(mac: MacAddress, bucket: ArrayBufferLike): void {
    const limit = this.limit(bucket);
    if (limit === undefined) this.buckets.delete(mac);
    else this.buckets.set(mac, limit);
  }

  /** What limits the frames for nobody in particular of a station behind `port`; undefined: nothing does. Allocates nothing. */
  bumLimit(port: LocalPort, high: number, low: number): TokenBucket | undefined {
    return this.buckets.find(high, low) ?? port.bum;
  }

  /**
   * The station is behind this port and nowhere else, with these addresses as far as they are known. `bucket`: as of
   * {@link addPort}.
   */
  attach(
    mac: MacAddress,
    port: LocalPort,
    addresses: readonly IpAddress[] = [],
    bucket: ArrayBufferLike = new ArrayBuffer(BUCKET_BYTES),
  ): void {
    const former = this.attachments.get(mac);
    const attachment = { port, neighbor: former?.neighbor ?? neighborOf(mac, true), addresses, bucket };
    this.attachments.set(mac, attachment);
    for (const address of addresses) this.neighbors.add(address, attachment.neighbor);
    for (const address of former?.addresses ?? []) {
      if (!addresses.includes(address)) this.neighbors.remove(address, attachment.neighbor);
    }
    this.setLimit(mac, bucket);
    this.table.setFixed(mac, port.destination, 'attached');
    this.claims.refreshStation(mac);
  }

  /**
   * This station, attached here, is the gateway: the VM itself, which has the same MAC on every VM. Nothing from it and nothing
   * for it crosses the tunnel, so that nobody mistakes that of one VM for that of another.
   */
  setGateway(mac: MacAddress): void {
    this.gatewayHigh = macHigh(mac);
    this.gatewayLow = macLow(mac);
  }

  /** Allocates nothing. */
  isGateway(high: number, low: number): boolean {
    return low === this.gatewayLow && high === this.gatewayHigh;
  }

  /** Whether unicast to a MAC that nobody has told of is dropped. Allocates nothing. */
  get dropsUnknown(): boolean {
    const scope = this.unknownUnicast;
    return scope === 'nobody' || (scope === 'silent' && this.flood.silentVteps().length === 0);
  }

  /** How far it goes where it is not. */
  get reachOfUnknown(): Reach {
    return this.unknownUnicast === 'everybody' ? 'everybody' : 'silent';
  }

  /** The VTEPs that a frame of this reach goes to. */
  vtepsWithin(reach: Reach): readonly Vtep[] {
    if (reach === 'local') return NONE;
    return reach === 'silent' ? this.flood.silentVteps() : this.flood.vteps();
  }

  /** The station is not attached any more; a claim that was covered by it is used now. */
  release(mac: MacAddress): void {
    const attachment = this.attachments.get(mac);
    if (attachment === undefined) return;
    this.attachments.delete(mac);
    if (this.isGateway(macHigh(mac), macLow(mac))) {
      this.gatewayHigh = -1;
      this.gatewayLow = -1;
    }
    this.buckets.delete(mac);
    this.table.removeFixed(mac, 'attached');
    for (const address of attachment.addresses) this.neighbors.remove(address, attachment.neighbor);
    this.claims.refreshStation(mac);
  }
}
