/** Branded address types of the frame path: a MAC, a VNI and an IP address cannot be mistaken for one another. */
import ipaddr from 'ipaddr.js';
import { WeftError } from './errors.ts';

/** An IEEE 802 MAC address as its 48-bit value (0 … 2^48-1), which a double holds exactly: a cheap map key. */
export type MacAddress = number & { readonly brand: 'MacAddress' };

/** A VXLAN network identifier, 24 bits (RFC 7348 section 5). */
export type Vni = number & { readonly brand: 'Vni' };

/** An IPv4 or IPv6 address in canonical text (RFC 5952 for IPv6), so that equal addresses are equal strings. */
export type IpAddress = string & { readonly brand: 'IpAddress' };

/** The underlay address of a VXLAN tunnel end point. */
export type VtepAddress = IpAddress;

export const MAX_VNI = 0xffffff;
export const MAX_MAC = 0xffff_ffff_ffff;
export const BROADCAST_MAC = MAX_MAC as MacAddress;

const MAC_TEXT = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** Parses `aa:bb:cc:dd:ee:ff` (or with dashes). Throws `invalid_argument`. */
export function parseMac(text: string): MacAddress {
  if (!MAC_TEXT.test(text)) {
    throw new WeftError('invalid_argument', `"${text}" is not a MAC address`, {
      hint: 'write six bytes in hexadecimal, as in 02:00:5e:10:00:01',
    });
  }
  return Number.parseInt(text.replaceAll(/[:-]/g, ''), 16) as MacAddress;
}

export function formatMac(mac: MacAddress): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?!$)/g, '$1:');
}

/** The I/G bit (IEEE 802-2014 section 8.2): set on multicast and broadcast addresses. */
export function isMulticastMac(mac: MacAddress): boolean {
  // The bit is bit 40 of the value: beyond 32 bits, where JavaScript's bit operators do not reach.
  return (Math.floor(mac / 0x1_0000_0000) & 0x0100) !== 0;
}

/** The first 3 bytes: half an address is an integer that costs nothing to hand around (station-index.ts). */
export function macHigh(mac: MacAddress): number {
  return Math.floor(mac / 0x100_0000);
}

/** The last 3 bytes. */
export function macLow(mac: MacAddress): number {
  return mac % 0x100_0000;
}

/** Throws `invalid_argument` unless 1 ≤ value ≤ 2^24-1. VNI 0 is legal on the wire but means "none" to most peers. */
export function parseVni(value: number): Vni {
  if (!Number.isInteger(value) || value < 1 || value > MAX_VNI) {
    throw new WeftError('invalid_argument', `VNI ${value} is out of range`, {
      hint: `choose one from 1 to ${MAX_VNI}`,
    });
  }
  return value as Vni;
}

/** Parses an IPv4 or IPv6 address, without zone or prefix, into canonical text. Throws `invalid_argument`. */
export function parseIp(text: string): IpAddress {
  // ipaddr.js alone would accept "10.1" (inet_aton) and "fe80::1%eth0".
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text).toString() as IpAddress;
  if (ipaddr.IPv6.isValid(text) && !text.includes('%')) {
    return ipaddr.IPv6.parse(text).toRFC5952String() as IpAddress;
  }
  throw new WeftError('invalid_argument', `"${text}" is not an IP address`, {
    hint: 'write an IPv4 or IPv6 address with no prefix length',
  });
}

/** 4 for IPv4, 6 for IPv6. */
export function ipFamily(address: IpAddress): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

/** The address in network byte order: 4 or 16 bytes. */
export function ipToBytes(address: IpAddress): Uint8Array {
  // Each message of gossip and each record has one, and the library parses them as whatever they may be.
  if (!address.includes(':')) return ipv4ToBytes(address);
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}

function ipv4ToBytes(address: string): Uint8Array {
  const bytes = new Uint8Array(4);
  let index = 0;
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    if (code === DOT) index += 1;
    else bytes[index] = 10 * (bytes[index] as number) + code - ZERO;
  }
  return bytes;
}

const DOT = '.'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

/** The inverse of {@link ipToBytes}. Throws `invalid_argument` unless there are 4 or 16 bytes. */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new WeftError('invalid_argument', `an IP address has 4 or 16 bytes, not ${bytes.length}`);
  }
  if (bytes.length === 4) return bytes.join('.') as IpAddress;
  const parsed = ipaddr.fromByteArray(Array.from(bytes));
  return (
    parsed.kind() === 'ipv6' ? (parsed as ipaddr.IPv6).toRFC5952String() : parsed.toString()
  ) as IpAddress;
}
