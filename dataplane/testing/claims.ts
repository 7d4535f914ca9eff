/** Fake claims, as control's record log will make them. */
import type { IpAddress } from '../address.ts';
import type { Claim } from '../claims.ts';
import type { Station } from './frames.ts';

/** That `station` is behind `vtep`, with both of its addresses. */
export function claimOf({ mac, ipv4, ipv6 }: Station, vtep: IpAddress, changes: Partial<Claim> = {}): Claim {
  return { mac, vtep, addresses: [ipv4, ipv6], mobility: 0, ...changes };
}
