import { ipFamily } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { isInSubnet, parseCidr } from '../cidr.ts';

/** An address must lie in the subnets of its family; of a family without one any will do. All are CIDRs. Throws `invalid_argument`. */
export function requireInSubnets(address: string, subnets: readonly (string | undefined)[]): void {
  for (const subnet of subnets) requireInSubnet(address, subnet);
}

function requireInSubnet(address: string, subnet: string | undefined): void {
  if (subnet === undefined) return;
  const [host, network] = [parseCidr(address), parseCidr(subnet)];
  if (ipFamily(host.address) !== ipFamily(network.address) || isInSubnet(host.address, network)) return;
  throw new WeftError('invalid_argument', `${host.address} is not in the subnet ${subnet} of the network`, {
    hint: 'give an address inside it',
  });
}
