/**
 * Neighbor solicitation and advertisement (RFC 4861 sections 4.3 and 4.4), as functions over the arena: `at` is the
 * offset of the ICMPv6 header, `ip` that of the IPv6 header before it, `length` the bytes of the ICMPv6 message.
 *
 *   0      1      2          4          8                        24
 *  ┌──────┬──────┬──────────┬──────────┬────────────────────────┬─────────────
 *  │ type │ code │ checksum │ R S O  0 │ target address         │ options …
 *  └──────┴──────┴──────────┴──────────┴────────────────────────┴─────────────
 *   an option:  type (1 byte), length in units of 8 bytes (1 byte), value
 */
import type { MacAddress } from '../address.ts';
import { addIpv6PseudoHeader, addRange, finish } from '../checksum.ts';
import { copyMac, readMac, writeMac } from './ethernet.ts';
import { PROTOCOL_ICMPV6 } from './ipv4.ts';
import { readIpv6DestinationWord, readIpv6HopLimit, readIpv6SourceWord } from './ipv6.ts';

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const FLAGS = 4;
const TARGET = 8;
const OPTIONS = 24;

/** Bytes of a solicitation or advertisement without options. */
export const ND_MIN_SIZE = 24;
/** Bytes of a link-layer address option for Ethernet (RFC 2464 section 6). */
export const ND_LINK_LAYER_OPTION_SIZE = 8;

// RFC 4861 sections 4.3, 4.4 and 4.6.
export const ND_NEIGHBOR_SOLICITATION = 135;
export const ND_NEIGHBOR_ADVERTISEMENT = 136;
export const ND_OPTION_SOURCE_LINK_LAYER = 1;
export const ND_OPTION_TARGET_LINK_LAYER = 2;
export const ND_FLAG_SOLICITED = 0x40;
export const ND_FLAG_OVERRIDE = 0x20;

const OPTION_UNIT = 8;
/** A packet with this hop limit cannot have crossed a router (RFC 4861 section 3.1). */
export const ND_HOP_LIMIT = 255;

export function readNdType(view: DataView, at: number): number {
  return view.getUint8(at + TYPE);
}
/** ND_FLAG_* of an advertisement. */
export function readNdFlags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS);
}
/** Word 0 … 3 of the target address, unsigned. */
export function readNdTargetWord(view: DataView, at: number, word: number): number {
  return view.getUint32(at + TARGET + word * 4);
}
/** Where the Ethernet address of the first option of type `option` stands, from `at`; 0: there is none. */
export function findNdLinkLayer(view: DataView, at: number, length: number, option: number): number {
  let offset = OPTIONS;
  while (offset + OPTION_UNIT <= length) {
    const size = view.getUint8(at + offset + 1) * OPTION_UNIT;
    if (size === 0) return 0;
    if (view.getUint8(at + offset) === option && size === ND_LINK_LAYER_OPTION_SIZE) return offset + 2;
    offset += size;
  }
  return 0;
}

/** The Ethernet address in the first option of type `option`, or undefined when there is none. */
export function readNdLinkLayer(
  view: DataView,
  at: number,
  length: number,
  option: number,
): MacAddress | undefined {
  const found = findNdLinkLayer(view, at, length, option);
  return found === 0 ? undefined : readMac(view, at + found);
}

/** Writes type, code 0, flags; clears the checksum. The target address is the caller's to copy. */
export function writeNdHeader(view: DataView, at: number, type: number, flags: number): void {
  view.setUint8(at + TYPE, type);
  view.setUint8(at + CODE, 0);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint32(at + FLAGS, 0);
  view.setUint8(at + FLAGS, flags);
}
export function writeNdTargetWord(view: DataView, at: number, word: number, value: number): void {
  view.setUint32(at + TARGET + word * 4, value);
}
/** Writes a link-layer address option as the first option. */
export function writeNdLinkLayer(view: DataView, at: number, option: number, mac: MacAddress): void {
  view.setUint8(at + OPTIONS, option);
  view.setUint8(at + OPTIONS + 1, ND_LINK_LAYER_OPTION_SIZE / OPTION_UNIT);
  writeMac(view, at + OPTIONS + 2, mac);
}
/** The same, of the address that stands at `from`. Allocates nothing. */
export function copyNdLinkLayer(view: DataView, at: number, option: number, from: number): void {
  view.setUint8(at + OPTIONS, option);
  view.setUint8(at + OPTIONS + 1, ND_LINK_LAYER_OPTION_SIZE / OPTION_UNIT);
  copyMac(view, from, at + OPTIONS + 2);
}
/** Computes the checksum of the finished message and writes it. */
export function writeNdChecksum(view: DataView, ip: number, at: number, length: number): void {
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, finish(icmpv6Sum(view, ip, at, length)));
}

/** Whether the message passes every check of RFC 4861 section 7.1.1; the checksum must be complete. */
export function isValidNeighborSolicitation(view: DataView, ip: number, at: number, length: number): boolean {
  if (!isValidMessage(view, ip, at, length, ND_NEIGHBOR_SOLICITATION)) return false;
  if (!isUnspecifiedSource(view, ip)) return true;
  // "If the IP source address is the unspecified address, the IP destination address is a solicited-node multicast
  // address [and] there is no source link-layer address option in the message."
  return (
    isSolicitedNodeDestination(view, ip) &&
    findNdLinkLayer(view, at, length, ND_OPTION_SOURCE_LINK_LAYER) === 0
  );
}

/** Whether the message passes every check of RFC 4861 section 7.1.2; the checksum must be complete. */
export function isValidNeighborAdvertisement(
  view: DataView,
  ip: number,
  at: number,
  length: number,
): boolean {
  if (!isValidMessage(view, ip, at, length, ND_NEIGHBOR_ADVERTISEMENT)) return false;
  // "If the IP Destination Address is a multicast address the Solicited flag is zero."
  return (
    !isMulticastWord(readIpv6DestinationWord(view, ip, 0)) ||
    (readNdFlags(view, at) & ND_FLAG_SOLICITED) === 0
  );
}

/** The checks that sections 7.1.1 and 7.1.2 share. */
function isValidMessage(view: DataView, ip: number, at: number, length: number, type: number): boolean {
  return (
    // "ICMP length (derived from the IP length) is 24 or more octets."
    length >= ND_MIN_SIZE &&
    view.getUint8(at + TYPE) === type &&
    // "The IP Hop Limit field has a value of 255, i.e., the packet could not possibly have been forwarded by a router."
    readIpv6HopLimit(view, ip) === ND_HOP_LIMIT &&
    view.getUint8(at + CODE) === 0 &&
    !isMulticastWord(readNdTargetWord(view, at, 0)) &&
    hasValidOptions(view, at, length) &&
    finish(icmpv6Sum(view, ip, at, length)) === 0
  );
}

/** "All included options have a length that is greater than zero"; and, ours, the last one ends with the message. */
function hasValidOptions(view: DataView, at: number, length: number): boolean {
  let offset = OPTIONS;
  while (offset < length) {
    if (offset + 2 > length) return false;
    const size = view.getUint8(at + offset + 1) * OPTION_UNIT;
    if (size === 0) return false;
    offset += size;
  }
  return offset === length;
}

function icmpv6Sum(view: DataView, ip: number, at: number, length: number): number {
  return addIpv6PseudoHeader(addRange(0, view, at, length), view, ip, PROTOCOL_ICMPV6, length);
}

/** `word` is the first word of an IPv6 address: ff00::/8 (RFC 4291 section 2.7). */
function isMulticastWord(word: number): boolean {
  return word >>> 24 === 0xff;
}

/** `ip`: the IPv6 header. */
export function isUnspecifiedSource(view: DataView, ip: number): boolean {
  for (let word = 0; word < 4; word++) if (readIpv6SourceWord(view, ip, word) !== 0) return false;
  return true;
}

/** ff02:0:0:0:0:1:ff00::/104 (RFC 4291 section 2.7.1). */
function isSolicitedNodeDestination(view: DataView, ip: number): boolean {
  return (
    readIpv6DestinationWord(view, ip, 0) === 0xff02_0000 &&
    readIpv6DestinationWord(view, ip, 1) === 0 &&
    readIpv6DestinationWord(view, ip, 2) === 1 &&
    readIpv6DestinationWord(view, ip, 3) >>> 24 === 0xff
  );
}
