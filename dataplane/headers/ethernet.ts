/**
 * Ethernet II and its VLAN tags (IEEE 802.3 section 3, IEEE 802.1Q section 9), as functions over the arena: `at` is
 * the offset of the first byte of the frame. No frame check sequence: a TAP has none.
 *
 *   0                   6                  12    14
 *  ┌───────────────────┬───────────────────┬─────┬──────────
 *  │ destination       │ source            │type │ payload
 *  └───────────────────┴───────────────────┴─────┴──────────
 *   with a tag           12    14    16    18
 *                       ┬─────┬─────┬─────┬──────────
 *                       │8100 │ TCI │type │ payload       TCI = PCP (3 bits) DEI (1) VID (12)
 *                       ┴─────┴─────┴─────┴──────────
 *
 * Getters read what is at the offset and check nothing: call {@link isValidEthernet} first.
 */
import type { MacAddress } from '../address.ts';

const DESTINATION = 0;
/** Where the source address stands. */
export const ETHERNET_SOURCE = 6;
const SOURCE = ETHERNET_SOURCE;
const ETHERTYPE = 12;

/** Bytes of an untagged Ethernet header; no frame is shorter. */
export const ETHERNET_HEADER_SIZE = 14;
/** Bytes of one VLAN tag. */
export const VLAN_TAG_SIZE = 4;
/** Tags that are looked through: one of the customer inside one of the provider. */
const MAX_VLAN_TAGS = 2;

// Assigned by the IEEE registration authority; listed by IANA as "ETHER TYPES".
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;
/** Customer VLAN tag (IEEE 802.1Q section 9.5). */
export const ETHERTYPE_VLAN = 0x8100;
/** Service VLAN tag (IEEE 802.1ad, now 802.1Q section 9.5). */
export const ETHERTYPE_SERVICE_VLAN = 0x88a8;

// 01:80:c2:00:00:00 … 0f, the reserved addresses of IEEE 802.1Q table 8-1.
const LINK_LOCAL_CONTROL_HIGH = 0x0180c2;
const LINK_LOCAL_CONTROL_LAST = 0x00000f;

/** The I/G bit (IEEE 802-2014 section 8.2) in the first 3 bytes of an address. */
const GROUP_BIT = 0x010000;

const TWO_POW_32 = 0x1_0000_0000;

/** Reads the 6 bytes at `at` as a MAC address: 16 high bits and 32 low bits, for no bit operator reaches 48. */
export function readMac(view: DataView, at: number): MacAddress {
  return (view.getUint16(at) * TWO_POW_32 + view.getUint32(at + 2)) as MacAddress;
}

export function readDestinationMac(view: DataView, at: number): MacAddress {
  return readMac(view, at + DESTINATION);
}

export function readSourceMac(view: DataView, at: number): MacAddress {
  return readMac(view, at + SOURCE);
}

// The halves of an address, 24 bits each: small integers, so that nothing is allocated for them, as is for the whole.

export function readDestinationHigh(view: DataView, at: number): number {
  return view.getInt32(at + DESTINATION) >>> 8;
}

export function readDestinationLow(view: DataView, at: number): number {
  return view.getInt32(at + DESTINATION + 2) & 0xff_ffff;
}

export function readSourceHigh(view: DataView, at: number): number {
  return view.getInt32(at + SOURCE) >>> 8;
}

export function readSourceLow(view: DataView, at: number): number {
  return view.getInt32(at + SOURCE + 2) & 0xff_ffff;
}

/** The EtherType field of the untagged header: with a tag it is the tag's; see {@link ethernetHeaderLength}. */
export function readEtherType(view: DataView, at: number): number {
  return view.getUint16(at + ETHERTYPE);
}

/**
 * The EtherType of what follows a header of `headerLength` bytes (14, 18 or 22, from {@link ethernetHeaderLength}).
 */
export function readPayloadType(view: DataView, at: number, headerLength: number): number {
  return view.getUint16(at + headerLength - 2);
}

/** The VLAN identifier (0 … 4095) of tag number `tag`, 0 being the outermost. */
export function readVlanId(view: DataView, at: number, tag = 0): number {
  return view.getUint16(at + ETHERNET_HEADER_SIZE + tag * VLAN_TAG_SIZE) & 0x0fff;
}

/** Copies the 6 bytes of an address from `from` to `to`. Allocates nothing. */
export function copyMac(view: DataView, from: number, to: number): void {
  view.setUint16(to, view.getUint16(from));
  view.setInt32(to + 2, view.getInt32(from + 2));
}

/** Whether the same address stands at both places. */
export function isSameMac(view: DataView, one: number, other: number): boolean {
  return view.getUint16(one) === view.getUint16(other) && view.getInt32(one + 2) === view.getInt32(other + 2);
}

export function writeMac(view: DataView, at: number, mac: MacAddress): void {
  view.setUint16(at, Math.floor(mac / TWO_POW_32));
  view.setUint32(at + 2, mac % TWO_POW_32);
}

/** Writes an address given as its halves. */
export function writeMacHalves(view: DataView, at: number, high: number, low: number): void {
  view.setUint16(at, high >>> 8);
  view.setInt32(at + 2, (high << 24) | low);
}

export function writeDestinationMac(view: DataView, at: number, mac: MacAddress): void {
  writeMac(view, at + DESTINATION, mac);
}

export function writeSourceMac(view: DataView, at: number, mac: MacAddress): void {
  writeMac(view, at + SOURCE, mac);
}

export function writeEtherType(view: DataView, at: number, etherType: number): void {
  view.setUint16(at + ETHERTYPE, etherType);
}

/** Whether `length` bytes at `at` hold an Ethernet header. */
export function isValidEthernet(_view: DataView, _at: number, length: number): boolean {
  return length >= ETHERNET_HEADER_SIZE;
}

export function isVlanTag(etherType: number): boolean {
  return etherType === ETHERTYPE_VLAN || etherType === ETHERTYPE_SERVICE_VLAN;
}

/**
 * Bytes from the start of the frame to its payload, at most {@link MAX_VLAN_TAGS} tags included: 14, 18 or 22; 0 when
 * the frame ends inside the header or inside a tag. A third tag is left to be the payload.
 */
export function ethernetHeaderLength(view: DataView, at: number, length: number): number {
  if (length < ETHERNET_HEADER_SIZE) return 0;
  let end = ETHERNET_HEADER_SIZE;
  for (let tag = 0; tag < MAX_VLAN_TAGS; tag++) {
    if (!isVlanTag(view.getUint16(at + end - 2))) return end;
    end += VLAN_TAG_SIZE;
    if (end > length) return 0;
  }
  return end;
}

/** Whether the address is one of a group, broadcast included; from its first half. */
export function isGroup(high: number): boolean {
  return (high & GROUP_BIT) !== 0;
}

/**
 * Whether a bridge must not forward what is sent to this address: 01:80:c2:00:00:00 … 0f (spanning tree, pause, LACP,
 * LLDP, 802.1X), reserved by IEEE 802.1Q table 8-1.
 */
export function isLinkLocalControl(high: number, low: number): boolean {
  return high === LINK_LOCAL_CONTROL_HIGH && low <= LINK_LOCAL_CONTROL_LAST;
}

/**
 * Whether a station may have this address: not the group bit, not all zeroes (IEEE 802-2014 section 8.2). A frame from
 * any other address is damaged or forged, and is neither learned from nor forwarded.
 */
export function isStation(high: number, low: number): boolean {
  return (high | low) !== 0 && !isGroup(high);
}
