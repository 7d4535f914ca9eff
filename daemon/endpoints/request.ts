/** Checks what an operator or a runtime asks for before anything is made. */
import ipaddr from 'ipaddr.js';
import { formatMac, isMulticastMac, parseIp, parseMac } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';

/** IFNAMSIZ of linux/if.h less the terminating zero; the kernel forbids slash, colon and white space (dev_valid_name). */
const IFNAME = /^[^\s/:]{1,15}$/;

export function checkIfname(ifname: string): string {
  if (IFNAME.test(ifname) && ifname !== '.' && ifname !== '..' && ifname !== 'lo') return ifname;
  throw new WeftError('invalid_argument', `"${ifname}" is no interface name`, {
    hint: 'use 1 to 15 characters without slash, colon or space, as in eth0',
  });
}

export function checkMac(text: string): string {
  const mac = parseMac(text);
  if (mac === 0 || isMulticastMac(mac)) {
    throw new WeftError('invalid_argument', `${text} is not the address of one interface`, {
      hint: 'give a unicast MAC, such as 02:00:5e:10:00:01',
    });
  }
  return formatMac(mac);
}

/**
 * Canonical form of `ADDRESS/PREFIX`. An IPv4 address must lie in the subnet of the network, when that has one, and be
 * one that a host may bear.
 */
export function checkAddress(cidr: string, subnet: string | undefined): string {
  const [address, prefix, ...rest] = cidr.split('/');
  if (address === undefined || prefix === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) {
    throw new WeftError('invalid_argument', `"${cidr}" is no address with its prefix length`, {
      hint: 'write it as in 198.18.0.2/24',
    });
  }
  const parsed = ipaddr.parse(parseIp(address));
  const bits = Number(prefix);
  const width = parsed.kind() === 'ipv4' ? 32 : 128;
  if (bits < 1 || bits > width) {
    throw new WeftError('invalid_argument', `the prefix length of ${cidr} is out of range`, {
      hint: `choose one from 1 to ${width}`,
    });
  }
  if (['multicast', 'unspecified', 'loopback', 'broadcast'].includes(parsed.range())) {
    throw new WeftError('invalid_argument', `${address} is a ${parsed.range()} address`, {
      hint: 'give the address of one host',
    });
  }
  if (parsed.kind() === 'ipv4') checkHost(parsed as ipaddr.IPv4, bits, subnet);
  return `${parseIp(address)}/${bits}`;
}

function checkHost(address: ipaddr.IPv4, bits: number, subnet: string | undefined): void {
  const cidr = `${address}/${bits}`;
  if (bits < 31) {
    const role =
      address.toString() === ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()
        ? 'network'
        : address.toString() === ipaddr.IPv4.broadcastAddressFromCIDR(cidr).toString()
          ? 'broadcast'
          : undefined;
    if (role !== undefined) {
      throw new WeftError('invalid_argument', `${address} is the ${role} address of ${cidr}`, {
        hint: 'give the address of one host',
      });
    }
  }
  if (subnet === undefined || !subnet.includes('.')) return;
  if (!address.match(ipaddr.IPv4.parseCIDR(subnet))) {
    throw new WeftError('invalid_argument', `${address} is not in the subnet ${subnet} of the network`, {
      hint: 'give an address inside it',
    });
  }
}
