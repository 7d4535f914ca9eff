/**
 * A hash of the inner flow, from which the outer UDP source port is chosen. RFC 7348 section 5: "It is recommended that
 * the UDP source port number be calculated using a hash of fields from the inner packet […] to enable a level of entropy
 * for the ECMP/load-balancing of the VM-to-VM traffic across the VXLAN overlay."
 *
 * Hashed are: addresses, protocol and ports of TCP, UDP and SCTP; addresses and protocol of other IP packets and of every
 * part of a fragmented one, so that the parts stay together; MAC addresses and EtherType of the rest. VLAN tags are
 * looked through and not hashed.
 *
 * The mixing function is MurmurHash3 x86_32 (Austin Appleby, public domain), word by word.
 */
import {
  ETHERNET_HEADER_SIZE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethernetHeaderLength,
  readPayloadType,
} from './headers/ethernet.ts';
import {
  isIpv4Fragment,
  isValidIpv4,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readIpv4HeaderLength,
  readIpv4Protocol,
  readIpv4TotalLength,
} from './headers/ipv4.ts';
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

/** Source and destination port are the first 4 bytes of TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260). */
const PORTS_SIZE = 4;

// Where the two addresses begin, which stand one behind the other. They are read as signed words: those are small integers
// to V8, while an unsigned one may become a heap number.
const IPV4_SOURCE = 12;
const IPV6_SOURCE = 8;

/**
 * Hashes the Ethernet frame of `length` bytes at `at`; reads nothing outside it. Returns 0 … 2^31-1: a small integer
 * to V8, so that no heap number is made. Different seeds give unrelated hashes.
 */
export function flowHash(view: DataView, at: number, length: number, seed: number): number {
  const header = ethernetHeaderLength(view, at, length);
  if (header !== 0) {
    const type = readPayloadType(view, at, header);
    const ip = at + header;
    const rest = length - header;
    if (type === ETHERTYPE_IPV4 && isValidIpv4(view, ip, rest)) return hashIpv4(view, ip, seed);
    if (type === ETHERTYPE_IPV6 && isValidIpv6(view, ip, rest)) return hashIpv6(view, ip, seed);
  }
  return hashEthernet(view, at, length, seed);
}

function hashIpv4(view: DataView, at: number, seed: number): number {
  // Not the length of the frame: Ethernet padding holds anything.
  const length = readIpv4TotalLength(view, at);
  const protocol = readIpv4Protocol(view, at);
  let hash = mix(seed, view.getInt32(at + IPV4_SOURCE));
  hash = mix(hash, view.getInt32(at + IPV4_SOURCE + 4));
  hash = mix(hash, protocol);
  if (isIpv4Fragment(view, at)) return finalize(hash);
  return finalize(mixPorts(hash, view, at, readIpv4HeaderLength(view, at), length, protocol));
}

function hashIpv6(view: DataView, at: number, seed: number): number {
  const length = IPV6_HEADER_SIZE + readIpv6PayloadLength(view, at);
  let hash = seed;
  for (let offset = IPV6_SOURCE; offset < IPV6_HEADER_SIZE; offset += 4) {
    hash = mix(hash, view.getInt32(at + offset));
  }
  const found = findIpv6Transport(view, at, length);
  if (found === NO_TRANSPORT) return finalize(mix(hash, readIpv6NextHeader(view, at)));
  const protocol = transportProtocol(found);
  return finalize(mixPorts(mix(hash, protocol), view, at, transportOffset(found), length, protocol));
}

/** Mixes in the ports at `at + offset` if this protocol has some and the packet reaches that far. */
function mixPorts(
  hash: number,
  view: DataView,
  at: number,
  offset: number,
  length: number,
  protocol: number,
): number {
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP && protocol !== PROTOCOL_SCTP) return hash;
  return offset + PORTS_SIZE > length ? hash : mix(hash, view.getInt32(at + offset));
}

function hashEthernet(view: DataView, at: number, length: number, seed: number): number {
  if (length < ETHERNET_HEADER_SIZE) return finalize(seed);
  let hash = mix(seed, view.getInt32(at));
  hash = mix(hash, view.getInt32(at + 4));
  hash = mix(hash, view.getInt32(at + 8));
  const header = ethernetHeaderLength(view, at, length) || ETHERNET_HEADER_SIZE;
  return finalize(mix(hash, readPayloadType(view, at, header)));
}

/** One body step of MurmurHash3_x86_32. */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** The final avalanche of MurmurHash3_x86_32, cut to 31 bits. */
function finalize(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) & 0x7fff_ffff;
}
