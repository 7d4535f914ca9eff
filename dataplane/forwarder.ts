/**
 * The frame path. The functions stand in the order in which a frame meets them.
 *
 *   transmit                                   receive
 *   1. onTapFrames: a batch from a TAP         1. onDatagrams: a batch from the VXLAN socket
 *   2. transmit: check, learn the source       2. receive: who sent it, which VNI, is it sound
 *   3. destination: port, VTEP, or flood       3. decapsulate: ECN, learn the source behind its VTEP
 *   4. encapsulate: header in place            4. destination: a local port, or flood to local ports
 *                     └────────► queue per output ◄────────┘
 *                                5. flush: one write or send per output, refusals counted
 *
 * Everything runs to completion on one thread: when a handler returns, each frame of its batch has been written, sent
 * or counted as dropped. Nothing is allocated per frame and no payload byte is copied.
 */
import type { Vni } from './address.ts';
import { DROP, DropCounters } from './drop-reasons.ts';
import { applyDecapsulation, outerTosOfFrame } from './ecn.ts';
import { flowHash } from './flow-hash.ts';
import type { Destination, LearnResult } from './forwarding-table.ts';
import { FrameBatch, GSO_NONE } from './frame-batch.ts';
import {
  ETHERNET_HEADER_SIZE,
  isGroup,
  isLinkLocalControl,
  isStation,
  isVlanTag,
  readDestinationHigh,
  readDestinationLow,
  readEtherType,
  readSourceHigh,
  readSourceLow,
} from './headers/ethernet.ts';
import { hasVniFlag, readVni, VXLAN_HEADER_SIZE, writeVxlan } from './headers/vxlan.ts';
import type { LocalPort } from './local-port.ts';
import { NeighborProxy } from './neighbor-proxy.ts';
import type { MovedAddress } from './neighbors.ts';
import type { Network, Reach } from './network.ts';
import type { CompleteChecksum, UdpPort } from './ports.ts';
import { refusalReason } from './refusal.ts';
import type { Vtep, VtepTable } from './vtep-table.ts';
import { recogniseSuperFrame } from './whole-super-frame.ts';

type Place = Destination<LocalPort, Vtep>;

/** Frames queued for the underlay before they are sent: enough for a receive batch replicated to a few VTEPs. */
const SEND_BATCH = 256;

export interface ForwarderModules {
  /** The memory that all descriptors point into. */
  readonly arena: DataView;
  /** Offset of ANSWER_AREA_SIZE bytes of it that nobody else uses. */
  readonly answerArea: number;
  readonly completeChecksum: CompleteChecksum;
  readonly vteps: VtepTable;
  /** Takes what is a probe of the path (probe-port.ts). @default nothing is one */
  readonly takeProbe?: (batch: FrameBatch, i: number) => boolean;
  /** Chosen at random at start, so that nobody outside can tell which flows share a source port. */
  readonly hashSeed: number;
}

export class Forwarder {
  /** Drops of frames that belong to no network. */
  readonly drops = new DropCounters();
  private readonly arena: DataView;
  private readonly completeChecksum: CompleteChecksum;
  private readonly vteps: VtepTable;
  private readonly hashSeed: number;
  private readonly takeProbe: ForwarderModules['takeProbe'];
  private readonly networks = new Map<number, Network>();
  private readonly sending = new FrameBatch(SEND_BATCH);
  /** Which network each queued frame belongs to, for the counters of what the kernel refuses. */
  private readonly sendingFor: (Network | undefined)[] = new Array(SEND_BATCH).fill(undefined);
  private sendingCount = 0;
  private readonly neighbors: NeighborProxy;
  private udp: UdpPort | undefined;

  constructor(modules: ForwarderModules) {
    this.arena = modules.arena;
    this.completeChecksum = modules.completeChecksum;
    this.vteps = modules.vteps;
    this.hashSeed = modules.hashSeed;
    this.takeProbe = modules.takeProbe;
    this.neighbors = new NeighborProxy({ arena: modules.arena, area: modules.answerArea });
  }

  /** The underlay. Until it is there, frames for other VTEPs count as refused. */
  useUdp(udp: UdpPort): void {
    this.udp = udp;
  }

  addNetwork(network: Network): void {
    this.networks.set(network.vni, network);
  }

  removeNetwork(vni: Vni): void {
    this.networks.delete(vni);
  }

  network(vni: number): Network | undefined {
    return this.networks.get(vni);
  }

  allNetworks(): Iterable<Network> {
    return this.networks.values();
  }

  // ── Transmit ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tells local containers, once, which station has an address now that another one had. */
  announce(network: Network, moved: readonly MovedAddress[]): void {
    for (const address of moved) {
      this.neighbors.announce(address);
      for (const port of network.ports) this.queueWrite(network, port, this.neighbors.built, 0);
    }
    this.flush(network);
  }

  /** Handler of a TAP: `count` frames that a container, or the bridge in front of it, sent. */
  onTapFrames(network: Network, port: LocalPort, batch: FrameBatch, count: number): void {
    for (let i = 0; i < count; i++) this.transmit(network, port, batch, i);
    this.flush(network);
  }

  private transmit(network: Network, from: LocalPort, batch: FrameBatch, i: number): void {
    if (!this.isForwardable(network, batch, i)) return;
    const at = batch.offset(i);
    if (this.learn(network, at, from.destination) === 'refused') {
      network.drops.add(DROP.source_spoofed);
      return;
    }

    const destination = this.lookup(network, at);
    if (destination === undefined) {
      this.transmitToNobody(network, from, batch, i);
    } else if (destination.kind === 'port') {
      if (destination.port === from) network.drops.add(DROP.hairpin);
      else this.queueWrite(network, destination.port, batch, i);
    } else if (this.isFromGateway(network, at)) {
      network.drops.add(DROP.gateway_confined);
    } else {
      this.encapsulate(network, batch, i);
      this.queueSend(network, destination.vtep, batch, i, this.hash(batch, i));
    }
  }

  /** Broadcast, multicast and unknown unicast of a local port: within its limit, and as far as anybody needs it. */
  private transmitToNobody(network: Network, from: LocalPort, batch: FrameBatch, i: number): void {
    const at = batch.offset(i);
    const isToGroup = isGroup(readDestinationHigh(this.arena, at));
    if (!isToGroup && network.dropsUnknown) {
      network.drops.add(DROP.unknown_destination);
      return;
    }
    const limit = network.bumLimit(from, readSourceHigh(this.arena, at), readSourceLow(this.arena, at));
    if (limit?.take(segments(batch, i)) === false) {
      network.drops.add(DROP.bum_rate);
      return;
    }
    // It may go to several places, of which each would complete it, and ND is believed by its checksum.
    if (this.completeChecksum(batch, i) !== 0) {
      network.drops.add(DROP.bad_geometry);
      return;
    }
    const reach = this.reachOf(network, batch, i, isToGroup);
    if (reach === 'answered') this.queueWrite(network, from, this.neighbors.built, 0);
    else if (reach !== 'dropped') this.flood(network, from, batch, i, reach);
  }

  /** The gateway asks for the containers of its own VM: those of others could not answer it. */
  private reachOf(network: Network, batch: FrameBatch, i: number, isToGroup: boolean) {
    if (this.isFromGateway(network, batch.offset(i))) return 'local';
    return isToGroup ? this.neighbors.examine(network, batch, i) : network.reachOfUnknown;
  }

  private isFromGateway(network: Network, at: number): boolean {
    return network.isGateway(readSourceHigh(this.arena, at), readSourceLow(this.arena, at));
  }

  private learn(network: Network, at: number, from: Place): LearnResult {
    return network.table.learn(readSourceHigh(this.arena, at), readSourceLow(this.arena, at), from);
  }

  /** undefined: to everybody, for the address is one of a group, or nobody knows where it is. */
  private lookup(network: Network, at: number): Place | undefined {
    const high = readDestinationHigh(this.arena, at);
    return isGroup(high) ? undefined : network.table.lookup(high, readDestinationLow(this.arena, at));
  }

  /** What every frame must be, wherever it comes from. Counts the reason and returns false if it is not. */
  private isForwardable(network: Network, batch: FrameBatch, i: number): boolean {
    const reason = this.refuse(network, batch, i);
    if (reason < 0) return true;
    network.drops.add(reason, datagrams(batch, i));
    return false;
  }

  private refuse(network: Network, batch: FrameBatch, i: number): number {
    const at = batch.offset(i);
    const length = batch.length(i);
    if (length < ETHERNET_HEADER_SIZE) return DROP.runt;
    if (!isStation(readSourceHigh(this.arena, at), readSourceLow(this.arena, at)))
      return DROP.invalid_source_mac;
    // RFC 7348 section 6.1: "a VTEP SHOULD NOT include an inner VLAN tag on tunnel packets unless configured
    // otherwise", and "decapsulated VXLAN frames with the inner VLAN tag SHOULD be discarded".
    if (isVlanTag(readEtherType(this.arena, at))) return DROP.inner_vlan_tag;
    if (isLinkLocalControl(readDestinationHigh(this.arena, at), readDestinationLow(this.arena, at))) {
      return DROP.link_local_control;
    }
    if (longestFrame(batch, i) > network.maxFrame) return DROP.exceeds_mtu;
    return -1;
  }

  /** Broadcast, multicast and unknown unicast: to every other local port and, replicated at the head end, to VTEPs. */
  private flood(network: Network, from: LocalPort, batch: FrameBatch, i: number, reach: Reach): void {
    const vteps = network.vtepsWithin(reach);
    const ports = network.ports;
    if (vteps.length + ports.length === 1) {
      const isSuppressed = reach !== 'everybody' && isGroup(readDestinationHigh(this.arena, batch.offset(i)));
      network.drops.add(isSuppressed ? DROP.neighbor_suppressed : DROP.no_destination);
      return;
    }
    for (let p = 0; p < ports.length; p++) {
      const port = ports[p] as LocalPort;
      if (port !== from) this.queueWrite(network, port, batch, i);
    }
    if (vteps.length === 0) return;
    this.encapsulate(network, batch, i);
    const hash = this.hash(batch, i);
    for (let v = 0; v < vteps.length; v++) this.queueSend(network, vteps[v] as Vtep, batch, i, hash);
  }

  /** Writes the VXLAN header into the headroom before the frame; the frame itself does not move. */
  private encapsulate(network: Network, batch: FrameBatch, i: number): void {
    const at = batch.offset(i);
    writeVxlan(this.arena, at - VXLAN_HEADER_SIZE, network.vni);
    batch.setEncapLength(i, VXLAN_HEADER_SIZE);
    batch.setTos(i, outerTosOfFrame(this.arena, at, batch.length(i)));
  }

  private hash(batch: FrameBatch, i: number): number {
    return flowHash(this.arena, batch.offset(i), batch.length(i), this.hashSeed);
  }

  private queueSend(network: Network, vtep: Vtep, batch: FrameBatch, i: number, hash: number): void {
    const udp = this.udp;
    if (udp === undefined) {
      network.drops.add(DROP.send_refused);
      return;
    }
    if (this.sendingCount === SEND_BATCH) this.flushSending(udp);
    const to = this.sendingCount++;
    const sending = this.sending;
    sending.copyFrom(batch, i, to);
    vtep.writeTo(sending, to);
    // RFC 7348 section 5: "the source port [is] calculated using a hash of fields from the inner packet" so that
    // equal-cost paths and receive queues spread flows; each source socket is one such port.
    sending.setSocket(to, hash % udp.sourceSockets);
    this.sendingFor[to] = network;
  }

  // ── Receive ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Handler of the VXLAN socket: `count` datagrams that other VTEPs, or anybody else, sent. */
  onDatagrams(batch: FrameBatch, count: number): void {
    let network: Network | undefined;
    for (let i = 0; i < count; i++) {
      const next = this.receive(batch, i);
      if (next === undefined) continue;
      // Batches are nearly always of one network: write when it changes, and at the end.
      if (network !== undefined && network !== next) this.flush(network);
      network = next;
    }
    if (network !== undefined) this.flush(network);
  }

  /** Returns the network for which something was queued. */
  private receive(batch: FrameBatch, i: number): Network | undefined {
    if (batch.encapLength(i) < VXLAN_HEADER_SIZE) return this.dropUnowned(DROP.vxlan_truncated, batch, i);
    const vtep = this.vteps.find(batch, i);
    if (vtep === undefined) return this.dropStrange(DROP.unknown_vtep, batch, i);
    const header = batch.offset(i) - VXLAN_HEADER_SIZE;
    // RFC 7348 section 5: "the I flag MUST be set to 1 for a valid VXLAN Network ID (VNI)".
    if (!hasVniFlag(this.arena, header)) return this.dropUnowned(DROP.vxlan_flags, batch, i);
    const network = this.networks.get(readVni(this.arena, header));
    if (network === undefined) return this.dropStrange(DROP.unknown_vni, batch, i);
    if (!network.flood.has(vtep)) {
      network.drops.add(DROP.vtep_not_in_network, datagrams(batch, i));
      return undefined;
    }
    recogniseSuperFrame(this.arena, batch, i, network.maxFrame);
    if (!this.isForwardable(network, batch, i)) return undefined;
    return this.decapsulate(network, vtep, batch, i) ? network : undefined;
  }

  /** What no network of ours is meant by, or nobody whom we know has sent, may be a probe of the path. */
  private dropStrange(reason: number, batch: FrameBatch, i: number): undefined {
    return this.takeProbe?.(batch, i) === true ? undefined : this.dropUnowned(reason, batch, i);
  }

  private dropUnowned(reason: number, batch: FrameBatch, i: number): undefined {
    this.drops.add(reason, datagrams(batch, i));
    return undefined;
  }

  private decapsulate(network: Network, vtep: Vtep, batch: FrameBatch, i: number): boolean {
    const at = batch.offset(i);
    if (applyDecapsulation(this.arena, at, batch.length(i), batch.tos(i)) === 'drop') {
      network.drops.add(DROP.ecn_not_capable, datagrams(batch, i));
      return false;
    }
    if (this.learn(network, at, vtep.destination) === 'refused') {
      const high = readSourceHigh(this.arena, at);
      const isClaimed = network.table.isClaimed(high, readSourceLow(this.arena, at));
      const reason = isClaimed ? DROP.source_claimed_elsewhere : DROP.source_is_local;
      network.drops.add(reason, datagrams(batch, i));
      return false;
    }
    return this.deliver(network, batch, i);
  }

  /** Split horizon: what came from a tunnel goes to local ports only, never into a tunnel again. */
  private deliver(network: Network, batch: FrameBatch, i: number): boolean {
    const destination = this.lookup(network, batch.offset(i));
    if (destination === undefined) {
      if (network.dropsUnknown && !isGroup(readDestinationHigh(this.arena, batch.offset(i)))) {
        network.drops.add(DROP.unknown_destination, datagrams(batch, i));
        return false;
      }
      const ports = network.ports;
      if (ports.length === 0) network.drops.add(DROP.no_destination, datagrams(batch, i));
      for (let p = 0; p < ports.length; p++) this.queueWrite(network, ports[p] as LocalPort, batch, i);
      return ports.length > 0;
    }
    if (destination.kind === 'vtep') {
      network.drops.add(DROP.split_horizon, datagrams(batch, i));
      return false;
    }
    if (this.isToGateway(network, batch.offset(i))) {
      network.drops.add(DROP.gateway_confined, datagrams(batch, i));
      return false;
    }
    this.queueWrite(network, destination.port, batch, i);
    return true;
  }

  private isToGateway(network: Network, at: number): boolean {
    return network.isGateway(readDestinationHigh(this.arena, at), readDestinationLow(this.arena, at));
  }

  // ── Out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private queueWrite(network: Network, port: LocalPort, batch: FrameBatch, i: number): void {
    if (port.pendingCount === port.pending.capacity) this.flushPort(network, port);
    port.pending.copyFrom(batch, i, port.pendingCount++);
  }

  private flush(network: Network): void {
    const ports = network.ports;
    for (let p = 0; p < ports.length; p++) this.flushPort(network, ports[p] as LocalPort);
    if (this.udp !== undefined) this.flushSending(this.udp);
  }

  private flushPort(network: Network, port: LocalPort): void {
    const count = port.pendingCount;
    if (count === 0) return;
    port.pendingCount = 0;
    const refusedBefore = port.tap.counters.txErrors;
    port.tap.write(port.pending, 0, count);
    if (port.tap.counters.txErrors === refusedBefore) return;
    for (let i = 0; i < count; i++) {
      const errno = port.pending.status(i);
      if (errno !== 0) network.drops.add(DROP[refusalReason('write', errno)], datagrams(port.pending, i));
    }
  }

  private flushSending(udp: UdpPort): void {
    const count = this.sendingCount;
    if (count === 0) return;
    this.sendingCount = 0;
    const refusedBefore = udp.counters.txErrors;
    udp.send(this.sending, 0, count);
    if (udp.counters.txErrors === refusedBefore) return;
    for (let i = 0; i < count; i++) {
      const errno = this.sending.status(i);
      if (errno !== 0) this.sendingFor[i]?.drops.add(DROP[refusalReason('send', errno)]);
    }
  }
}

/** Bytes of the longest frame that leaves for frame `i`: itself, or a whole segment of it. */
function longestFrame(batch: FrameBatch, i: number): number {
  const length = batch.length(i);
  if (batch.gsoType(i) === GSO_NONE) return length;
  return Math.min(length, batch.headerLength(i) + batch.gsoSize(i));
}

/** How many frames leave for frame `i`: more than one if it is a super-frame. */
function segments(batch: FrameBatch, i: number): number {
  if (batch.gsoType(i) === GSO_NONE || batch.gsoSize(i) === 0) return 1;
  return Math.max(1, Math.ceil((batch.length(i) - batch.headerLength(i)) / batch.gsoSize(i)));
}

/** How many received datagrams frame `i` is: more than one if it was merged. Each counts when it is dropped. */
function datagrams(batch: FrameBatch, i: number): number {
  return 1 + batch.pieceCount(i);
}
