/** Addresses with a prefix length, and which addresses may stand for one host. All parsers throw `invalid_argument`. */
import { type IpAddress, ipFamily, ipFromBytes, ipToBytes, parseIp } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';

export interface Cidr {
  readonly address: IpAddress;
  readonly prefix: number;
}

/** Parses `address/prefix`; nothing is said about host bits. */
export function parseCidr(text: string): Cidr {
  const [, left = '', right = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  if (left === '') {
    throw new WeftError('invalid_argument', `"${text}" is not an address with a prefix length`, {
      hint: 'write it as in 198.18.0.2/24 or 2001:db8::2/64',
    });
  }
  const address = parseIp(left);
  const prefix = Number(right);
  const bits = ipFamily(address) === 4 ? 32 : 128;
  if (prefix > bits) {
    throw new WeftError('invalid_argument', `"${text}" has a prefix longer than the address`, {
      hint: `use a prefix length from 1 to ${bits}`,
    });
  }
  return { address, prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${cidr.address}/${cidr.prefix}`;
}

/** The subnet that the address of an interface is in: without its host bits. */
export function subnetOf(text: string): string {
  const cidr = parseCidr(text);
  return formatCidr({ ...cidr, address: networkAddress(cidr) });
}

/** The address alone, as it is written; a text without a prefix length as a whole. */
export function hostPart(cidr: string): string {
  return cidr.replace(/\/.*/, '');
}

/** Whether an address, of whichever family, lies in a subnet without host bits. */
export function isInSubnet(address: IpAddress, { address: subnet, prefix }: Cidr): boolean {
  return ipFamily(address) === ipFamily(subnet) && networkAddress({ address, prefix }) === subnet;
}

/** Where a route leads to, in canonical text: no host bits; a prefix length of 0 is everything. */
export function parsePrefix(text: string): string {
  const cidr = parseCidr(text);
  const network = networkAddress(cidr);
  if (network === cidr.address) return formatCidr(cidr);
  throw new WeftError('invalid_argument', `"${text}" has bits set beyond its prefix`, {
    hint: `write ${network}/${cidr.prefix}`,
  });
}

/** The subnet of a network, in canonical text: no host bits, and room for two hosts at least. */
export function parseSubnet(text: string): string {
  const cidr = parseCidr(parsePrefix(text));
  const bits = ipFamily(cidr.address) === 4 ? 32 : 128;
  if (cidr.prefix === 0 || cidr.prefix === bits) {
    throw new WeftError('invalid_argument', `"${text}" is no subnet for containers`, {
      hint: `use a prefix length from 1 to ${bits - 1}`,
    });
  }
  const reason = nonUnicast(cidr.address);
  if (reason !== undefined) {
    throw new WeftError('invalid_argument', `"${text}" holds ${reason}`, {
      hint: 'use a unicast range, as in 198.18.0.0/16',
    });
  }
  return formatCidr(cidr);
}

/** {@link parseSubnet} of IPv6. */
export function parseSubnet6(text: string): string {
  const subnet = parseSubnet(text);
  if (ipFamily(parseCidr(subnet).address) === 6) return subnet;
  throw new WeftError('invalid_argument', `"${text}" is not an IPv6 subnet`, {
    hint: 'write one as in 2001:db8:1::/64, and that of IPv4 as subnet',
  });
}

/** The address of a container's interface, in canonical text. */
export function parseInterfaceAddress(text: string): string {
  const cidr = parseCidr(text);
  const reason = nonUnicast(cidr.address) ?? reservedInSubnet(cidr);
  if (reason !== undefined || cidr.prefix === 0) {
    throw new WeftError(
      'invalid_argument',
      `"${text}" cannot be given to an interface: it is ${reason ?? 'a prefix of 0'}`,
      { hint: 'give an address of a host with its prefix length, as in 198.18.0.2/24' },
    );
  }
  return formatCidr(cidr);
}

/** Why `address` cannot be one host's, or undefined if it can. Loopback addresses can. */
export function nonUnicast(address: IpAddress): string | undefined {
  const bytes = ipToBytes(address);
  const [first = 0, second = 0] = bytes;
  if (bytes.length === 4) {
    // RFC 1122 section 3.2.1.3: 0/8 is "this network", RFC 5771: 224/4 is multicast.
    if (first === 0) return 'an address of "this network"';
    if (first >= 224 && first < 240) return 'a multicast address';
    return address === '255.255.255.255' ? 'the broadcast address' : undefined;
  }
  if (address === '::') return 'the unspecified address';
  if (first === 0xff) return 'a multicast address';
  if (bytes.subarray(0, 10).every(byte => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) {
    return 'an IPv4 address in IPv6 form';
  }
  return first === 0xfe && (second & 0xc0) === 0x80
    ? 'a link-local address, which needs an interface'
    : undefined;
}

/** Address of a subnet (RFC 1122 section 3.2.1.3) or its broadcast; /31 and /32 have neither (RFC 3021). */
function reservedInSubnet(cidr: Cidr): string | undefined {
  if (ipFamily(cidr.address) === 6 || cidr.prefix >= 31) return undefined;
  if (networkAddress(cidr) === cidr.address) return 'the address of the subnet itself';
  return hostBits(cidr, byte => byte) === cidr.address ? 'the broadcast address of its subnet' : undefined;
}

function networkAddress(cidr: Cidr): IpAddress {
  return hostBits(cidr, () => 0);
}

/** The address with its host bits replaced: `fill` gets the mask of host bits of a byte and returns their value. */
function hostBits(cidr: Cidr, fill: (mask: number) => number): IpAddress {
  const bytes = ipToBytes(cidr.address).map((byte, index) => {
    const kept = Math.min(8, Math.max(0, cidr.prefix - 8 * index));
    const mask = 0xff >> kept;
    return (byte & ~mask) | fill(mask);
  });
  return ipFromBytes(bytes);
}
