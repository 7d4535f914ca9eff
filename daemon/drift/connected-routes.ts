/** Routes that the kernel makes with an address, to its subnet, and makes no second time when somebody deletes them: without them no gateway is reached. */
import { constants } from 'node:os';
import { ipFamily } from '../../dataplane/address.ts';
import { parseCidr, subnetOf } from '../cidr.ts';
import { addIfMissing } from '../net/add-if-missing.ts';
import { LinkStepError } from '../net/link-steps.ts';
import type { LinkChange } from '../net/rtnetlink/link-change.ts';
import type { NetnsPath } from '../net/run.ts';

/** What the kernel gives those of IPv6 (IP6_RT_PRIO_ADDRCONF of net/ip6_route.h). */
const CONNECTED_PRIORITY = 256;

/** Undefined: an address for itself, as 198.18.0.2/32, is in no subnet. */
export function connectedRoute(dev: string, address: string): LinkChange | undefined {
  const { address: ip, prefix } = parseCidr(address);
  const isV6 = ipFamily(ip) === 6;
  if (prefix === (isV6 ? 128 : 32)) return undefined;
  return {
    ...{ kind: 'add-route', dev, dst: subnetOf(address), ofAddress: ip },
    ...(isV6 && { priority: CONNECTED_PRIORITY }),
  };
}

/** How many of them were missing and are there now. Throws what the kernel says. */
export async function addConnectedRoutes(
  dev: string,
  addresses: readonly string[],
  netns?: NetnsPath,
): Promise<number> {
  let added = 0;
  for (const address of addresses) {
    const route = connectedRoute(dev, address);
    if (route !== undefined && (await addOne(route, netns))) added += 1;
  }
  return added;
}

async function addOne(route: LinkChange, netns: NetnsPath | undefined): Promise<boolean> {
  try {
    return await addIfMissing(route, netns);
  } catch (error) {
    // Its address was deleted just now, which is told of too.
    if (error instanceof LinkStepError && error.errno === constants.errno.EINVAL) return false;
    throw error;
  }
}
