/**
 * What an ARP or ND message of a container means for who has which address. Only what is sent to a group is read: a unicast
 * one is between two stations, and shows each that the other is alive.
 *
 *   ARP   request, sender 0.0.0.0 (RFC 5227 section 1.1)                  probe          of the target address
 *         request, sender = target; any broadcast reply (RFC 5227, 5944)  announcement   of the sender's address
 *         any other request                                               request        for the target address
 *   ND    solicitation from :: (RFC 4862 section 5.4.2)                   probe          of the target address
 *         any other solicitation                                          request        for the target address
 *         advertisement to a group (RFC 4861 section 7.2.6)               announcement   of the target address
 */
import {
  ARP_REPLY,
  ARP_REQUEST,
  ARP_SENDER_MAC,
  isValidArp,
  readArpOperation,
  readArpSenderIpWord,
  readArpTargetIpWord,
} from './headers/arp.ts';
import {
  ETHERNET_HEADER_SIZE,
  ETHERNET_SOURCE,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV6,
  isSameMac,
  isStation,
  readDestinationHigh,
  readDestinationLow,
  readEtherType,
} from './headers/ethernet.ts';
import { PROTOCOL_ICMPV6 } from './headers/ipv4.ts';
import {
  findIpv6Transport,
  IPV6_HEADER_SIZE,
  isValidIpv6,
  NO_TRANSPORT,
  readIpv6NextHeader,
  readIpv6PayloadLength,
  transportOffset,
  transportProtocol,
} from './headers/ipv6.ts';
import {
  findNdLinkLayer,
  isUnspecifiedSource,
  isValidNeighborAdvertisement,
  isValidNeighborSolicitation,
  ND_NEIGHBOR_ADVERTISEMENT,
  ND_NEIGHBOR_SOLICITATION,
  ND_OPTION_SOURCE_LINK_LAYER,
  readNdTargetWord,
  readNdType,
} from './headers/nd.ts';

/** `none`: neither ARP, nor a solicitation or advertisement. */
export type NeighborKind = 'none' | 'malformed_arp' | 'malformed_nd' | 'request' | 'probe' | 'announcement';

/** One is made, and filled by {@link read} for each frame: nothing is allocated. */
export class NeighborMessage {
  kind: NeighborKind = 'none';
  family: 4 | 6 = 4;
  // The address that it is about, in signed words (address-index.ts).
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  /** Whether the sender gives the source of the frame as its link-layer address, or gives none. */
  isFromSource = false;

  /** Reads the frame of `length` bytes at `at`, whose checksum must be complete. Reads nothing outside it. */
  read(view: DataView, at: number, length: number): NeighborKind {
    const type = length < ETHERNET_HEADER_SIZE ? 0 : readEtherType(view, at);
    if (type === ETHERTYPE_ARP) this.kind = this.readArp(view, at, length);
    else if (type === ETHERTYPE_IPV6) this.kind = this.readNd(view, at, length);
    else this.kind = 'none';
    return this.kind;
  }

  private readArp(view: DataView, at: number, length: number): NeighborKind {
    const arp = at + ETHERNET_HEADER_SIZE;
    if (!isValidArp(view, arp, length - ETHERNET_HEADER_SIZE)) return 'malformed_arp';
    const operation = readArpOperation(view, arp);
    const sender = arp + ARP_SENDER_MAC;
    // As if it stood at the beginning of a frame.
    if (!isStation(readDestinationHigh(view, sender), readDestinationLow(view, sender)))
      return 'malformed_arp';
    const from = readArpSenderIpWord(view, arp);
    const target = readArpTargetIpWord(view, arp);
    const isReply = operation === ARP_REPLY;
    if ((operation !== ARP_REQUEST && !isReply) || (isReply && from === 0)) return 'malformed_arp';
    this.family = 4;
    this.a = isReply ? from : target;
    this.b = 0;
    this.c = 0;
    this.d = 0;
    this.isFromSource = isSameMac(view, sender, at + ETHERNET_SOURCE);
    if (from === 0) return 'probe';
    return isReply || from === target ? 'announcement' : 'request';
  }

  private readNd(view: DataView, at: number, length: number): NeighborKind {
    const ip = at + ETHERNET_HEADER_SIZE;
    const rest = length - ETHERNET_HEADER_SIZE;
    if (rest <= IPV6_HEADER_SIZE) return 'none';
    if (!isValidIpv6(view, ip, rest)) {
      const isMeant = readIpv6NextHeader(view, ip) === PROTOCOL_ICMPV6 && isNd(view, ip + IPV6_HEADER_SIZE);
      return isMeant ? 'malformed_nd' : 'none';
    }
    const found = findIpv6Transport(view, ip, rest);
    if (found === NO_TRANSPORT || transportProtocol(found) !== PROTOCOL_ICMPV6) return 'none';
    const icmp = ip + transportOffset(found);
    const size = IPV6_HEADER_SIZE + readIpv6PayloadLength(view, ip) - transportOffset(found);
    if (size < 1 || !isNd(view, icmp)) return 'none';
    const isSolicitation = readNdType(view, icmp) === ND_NEIGHBOR_SOLICITATION;
    const isValid = isSolicitation
      ? isValidNeighborSolicitation(view, ip, icmp, size)
      : isValidNeighborAdvertisement(view, ip, icmp, size);
    if (!isValid) return 'malformed_nd';
    this.family = 6;
    this.a = readNdTargetWord(view, icmp, 0) | 0;
    this.b = readNdTargetWord(view, icmp, 1) | 0;
    this.c = readNdTargetWord(view, icmp, 2) | 0;
    this.d = readNdTargetWord(view, icmp, 3) | 0;
    const option = findNdLinkLayer(view, icmp, size, ND_OPTION_SOURCE_LINK_LAYER);
    this.isFromSource = option === 0 || isSameMac(view, icmp + option, at + ETHERNET_SOURCE);
    if (!isSolicitation) return 'announcement';
    return isUnspecifiedSource(view, ip) ? 'probe' : 'request';
  }
}

/** Whether the type byte at `icmp` is that of a solicitation or an advertisement. */
function isNd(view: DataView, icmp: number): boolean {
  const type = readNdType(view, icmp);
  return type === ND_NEIGHBOR_SOLICITATION || type === ND_NEIGHBOR_ADVERTISEMENT;
}
