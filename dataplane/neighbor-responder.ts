/**
 * Builds what is told to local containers in the name of stations elsewhere: answers to ARP requests and neighbor
 * solicitations, and announcements. It has a few slots of the arena, each of which is free again when the forwarder has
 * flushed what it queued: 64 frames to a port at the most.
 */
import { BROADCAST_MAC, type IpAddress, ipFamily, type MacAddress } from './address.ts';
import { addressWords } from './address-index.ts';
import { FrameBatch } from './frame-batch.ts';
import {
  ARP_REPLY,
  ARP_REQUEST,
  ARP_SENDER_MAC,
  ARP_SIZE,
  copyArpStation,
  readArpSenderIpWord,
  writeArpHeader,
  writeArpSender,
  writeArpTarget,
} from './headers/arp.ts';
import {
  copyMac,
  ETHERNET_HEADER_SIZE,
  ETHERNET_SOURCE,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV6,
  writeDestinationMac,
  writeEtherType,
  writeMacHalves,
} from './headers/ethernet.ts';
import { PROTOCOL_ICMPV6 } from './headers/ipv4.ts';
import {
  IPV6_HEADER_SIZE,
  readIpv6SourceWord,
  writeIpv6DestinationWord,
  writeIpv6SourceWord,
  writeIpv6Start,
} from './headers/ipv6.ts';
import {
  copyNdLinkLayer,
  ND_FLAG_OVERRIDE,
  ND_FLAG_SOLICITED,
  ND_HOP_LIMIT,
  ND_LINK_LAYER_OPTION_SIZE,
  ND_MIN_SIZE,
  ND_NEIGHBOR_ADVERTISEMENT,
  ND_OPTION_TARGET_LINK_LAYER,
  writeNdChecksum,
  writeNdHeader,
  writeNdTargetWord,
} from './headers/nd.ts';
import type { NeighborMessage } from './neighbor-message.ts';
import { type Neighbor, neighborOf } from './neighbors.ts';
import { RECEIVE_BATCH } from './ports.ts';

const ARP_FRAME_SIZE = ETHERNET_HEADER_SIZE + ARP_SIZE;
const ICMP = ETHERNET_HEADER_SIZE + IPV6_HEADER_SIZE;
const ND_MESSAGE_SIZE = ND_MIN_SIZE + ND_LINK_LAYER_OPTION_SIZE;
const ND_FRAME_SIZE = ICMP + ND_MESSAGE_SIZE;

/** The longest frame, rounded up. */
const SLOT_SIZE = 96;
/** More than wait for one port at a time. */
const SLOTS = 2 * RECEIVE_BATCH;

/** Bytes of the arena that it needs. */
export const ANSWER_AREA_SIZE = SLOTS * SLOT_SIZE;

/** ff02::1 (RFC 4291 section 2.7.1) and its Ethernet address (RFC 2464 section 7). */
const ALL_NODES = Int32Array.of(0xff020000, 0, 0, 1);
const ALL_NODES_MAC_HIGH = 0x333300;
const ALL_NODES_MAC_LOW = 0x000001;
const NO_MAC = 0 as MacAddress;

export class NeighborResponder {
  /** Descriptor 0 is what was built last. */
  readonly built = new FrameBatch(1);
  private readonly arena: DataView;
  private readonly area: number;
  private slot = 0;

  /** `area`: offset of ANSWER_AREA_SIZE bytes of the arena that are for nobody else. */
  constructor({ arena, area }: { readonly arena: DataView; readonly area: number }) {
    this.arena = arena;
    this.area = area;
  }

  /** Builds the answer to the request or probe at `asked`, which has been read as `message`. Allocates nothing. */
  answer(message: NeighborMessage, asked: number, owner: Neighbor): void {
    if (message.family === 4) this.answerArp(message, asked, owner);
    else this.answerNd(message, asked, owner);
  }

  private answerArp(message: NeighborMessage, asked: number, owner: Neighbor): void {
    const { arena } = this;
    const at = this.begin(ARP_FRAME_SIZE, owner, ETHERTYPE_ARP);
    copyMac(arena, asked + ETHERNET_SOURCE, at);
    const arp = at + ETHERNET_HEADER_SIZE;
    const request = asked + ETHERNET_HEADER_SIZE;
    writeArpHeader(arena, arp, ARP_REPLY);
    copyArpStation(arena, arp, 'sender', at + ETHERNET_SOURCE, message.a);
    // Of a probe the sender's address is 0.0.0.0, and so is this one.
    copyArpStation(arena, arp, 'target', request + ARP_SENDER_MAC, readArpSenderIpWord(arena, request));
  }

  /**
   * Override is set: a claim is what its owner says of itself, and replaces what was known (RFC 4861 section 4.4). Router is
   * not: RFC 9161 carries it with each address, and a claim does not say it.
   */
  private answerNd(message: NeighborMessage, asked: number, owner: Neighbor): void {
    const { arena } = this;
    const at = this.begin(ND_FRAME_SIZE, owner, ETHERTYPE_IPV6);
    // RFC 4861 section 7.2.4: to the source of the solicitation, solicited; if that is unspecified, to all nodes.
    if (message.kind === 'probe') {
      this.writeAdvertisement(at, message, ND_FLAG_OVERRIDE);
      return;
    }
    this.writeAdvertisement(at, message, ND_FLAG_OVERRIDE | ND_FLAG_SOLICITED);
    copyMac(arena, asked + ETHERNET_SOURCE, at);
    for (let word = 0; word < 4; word++) {
      const source = readIpv6SourceWord(arena, asked + ETHERNET_HEADER_SIZE, word);
      writeIpv6DestinationWord(arena, at + ETHERNET_HEADER_SIZE, word, source);
    }
    writeNdChecksum(arena, at + ETHERNET_HEADER_SIZE, at + ICMP, ND_MESSAGE_SIZE);
  }

  /**
   * Builds what tells local containers that `address` is at `mac` now: an ARP announcement (RFC 5227 section 3) or an
   * unsolicited advertisement (RFC 4861 section 7.2.6).
   */
  announce(address: IpAddress, mac: MacAddress): void {
    const { arena } = this;
    const [a = 0, b = 0, c = 0, d = 0] = addressWords(address);
    const owner = neighborOf(mac, false);
    if (ipFamily(address) === 6) {
      const at = this.begin(ND_FRAME_SIZE, owner, ETHERTYPE_IPV6);
      this.writeAdvertisement(at, { a, b, c, d }, ND_FLAG_OVERRIDE);
      return;
    }
    const at = this.begin(ARP_FRAME_SIZE, owner, ETHERTYPE_ARP);
    writeDestinationMac(arena, at, BROADCAST_MAC);
    const arp = at + ETHERNET_HEADER_SIZE;
    writeArpHeader(arena, arp, ARP_REQUEST);
    writeArpSender(arena, arp, mac, a);
    writeArpTarget(arena, arp, NO_MAC, a);
  }

  /** Begins a frame of `owner` in the next slot. Returns its offset. */
  private begin(size: number, owner: Neighbor, etherType: number): number {
    const at = this.area + this.slot * SLOT_SIZE;
    this.slot = (this.slot + 1) % SLOTS;
    this.built.setOffset(0, at);
    this.built.setLength(0, size);
    writeMacHalves(this.arena, at + ETHERNET_SOURCE, owner.high, owner.low);
    writeEtherType(this.arena, at, etherType);
    return at;
  }

  /** The rest of an advertisement of `target` to all nodes. */
  private writeAdvertisement(
    at: number,
    target: Pick<NeighborMessage, 'a' | 'b' | 'c' | 'd'>,
    flags: number,
  ): void {
    const { arena } = this;
    const ip = at + ETHERNET_HEADER_SIZE;
    const icmp = at + ICMP;
    writeMacHalves(arena, at, ALL_NODES_MAC_HIGH, ALL_NODES_MAC_LOW);
    writeIpv6Start(arena, ip, ND_MESSAGE_SIZE, PROTOCOL_ICMPV6, ND_HOP_LIMIT);
    writeNdHeader(arena, icmp, ND_NEIGHBOR_ADVERTISEMENT, flags);
    for (let word = 0; word < 4; word++) {
      const value = wordOf(target, word);
      writeIpv6SourceWord(arena, ip, word, value);
      writeIpv6DestinationWord(arena, ip, word, ALL_NODES[word] as number);
      writeNdTargetWord(arena, icmp, word, value);
    }
    copyNdLinkLayer(arena, icmp, ND_OPTION_TARGET_LINK_LAYER, at + ETHERNET_SOURCE);
    writeNdChecksum(arena, ip, icmp, ND_MESSAGE_SIZE);
  }
}

function wordOf({ a, b, c, d }: Pick<NeighborMessage, 'a' | 'b' | 'c' | 'd'>, word: number): number {
  if (word === 0) return a;
  if (word === 1) return b;
  return word === 2 ? c : d;
}
