/**
 * Whether an interface has an address. Of IPv4 that is asked by adding it, which changes nothing where it is. Of IPv6 even a refused try has the kernel tell the
 * interface's multicast groups to the network anew (ipv6_find_idev() of net/ipv6/addrconf.c), so it is asked for.
 */
import { constants } from 'node:os';
import { ipFamily, ipToBytes } from '../../../dataplane/address.ts';
import { changeNet, NetChangeError, type NetMessage } from '../../../dataplane/net-change.ts';
import { parseCidr } from '../../cidr.ts';
import { addIfMissing } from '../add-if-missing.ts';
import type { NetnsPath } from '../run.ts';
import { AF_INET6, MessageWriter } from './message.ts';

// linux/rtnetlink.h: type of a message. linux/if_addr.h: attribute of an address.
const RTM_GETADDR = 22;
const IFA_ADDRESS = 1;

/** The kernel answers with the address, or with EADDRNOTAVAIL. Of IPv6 only: of IPv4 it tells all at once or none. */
export function askForAddress6(ifname: string, cidr: string): NetMessage {
  const { address, prefix } = parseCidr(cidr);
  // linux/if_addr.h: struct ifaddrmsg { family, prefixlen, flags, scope, index }.
  return new MessageWriter(RTM_GETADDR)
    .u8(AF_INET6)
    .u8(prefix)
    .zeros(2)
    .ifindex(ifname)
    .bytesAttribute(IFA_ADDRESS, ipToBytes(address))
    .finish();
}

/** Adds it (CIDR) if it is missing; false: it was there. Throws what the kernel says otherwise. */
export async function addMissingAddress(dev: string, address: string, netns?: NetnsPath): Promise<boolean> {
  if (ipFamily(parseCidr(address).address) === 6 && (await hasAddress6(dev, address, netns))) return false;
  return await addIfMissing({ kind: 'add-address', dev, address }, netns);
}

async function hasAddress6(dev: string, address: string, netns: NetnsPath | undefined): Promise<boolean> {
  try {
    await changeNet(netns, [askForAddress6(dev, address)]);
    return true;
  } catch (error) {
    if (error instanceof NetChangeError && error.errno === constants.errno.EADDRNOTAVAIL) return false;
    throw error;
  }
}
