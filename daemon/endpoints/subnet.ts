import { ipFamily, ipToBytes } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { parseCidr } from '../cidr.ts';

/**
 * An address of the subnet's family must lie in it; the other family is free, for a network has one subnet. Both are
 * CIDRs; without a subnet any address will do. Throws `invalid_argument`.
 */
export function requireInSubnet(address: string, subnet: string | undefined): void {
  if (subnet === undefined) return;
  const [host, network] = [parseCidr(address), parseCidr(subnet)];
  if (ipFamily(host.address) !== ipFamily(network.address)) return;
  const bytes = ipToBytes(host.address);
  const inside = ipToBytes(network.address).every((byte, index) => {
    const mask = 0xff & ~(0xff >> Math.min(8, Math.max(0, network.prefix - 8 * index)));
    return ((bytes[index] ?? 0) & mask) === byte;
  });
  if (inside) return;
  throw new WeftError('invalid_argument', `${host.address} is not in the subnet ${subnet} of the network`, {
    hint: 'give an address inside it',
  });
}
