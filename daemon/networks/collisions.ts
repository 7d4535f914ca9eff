/** What two networks of a pool may not have in common: name, VNI, addresses. All functions here are pure. */
import { ipFamily, ipToBytes } from '../../dataplane/address.ts';
import { parseCidr } from '../cidr.ts';

/** What a network occupies. */
export interface Occupied {
  readonly name: string;
  readonly vni: number;
  readonly subnet: string | null;
  readonly subnet6: string | null;
}

/** What both have, in words: `VNI 42`; undefined if they can be beside each other. */
export function sharedBy(one: Occupied, other: Occupied): string | undefined {
  if (one.name === other.name) return `the name "${one.name}"`;
  if (one.vni === other.vni) return `VNI ${one.vni}`;
  for (const mine of subnetsOf(one)) {
    for (const theirs of subnetsOf(other)) {
      if (overlap(mine, theirs))
        return mine === theirs ? `subnet ${mine}` : `addresses of ${mine} (${theirs})`;
    }
  }
  return undefined;
}

/** Two CIDRs without host bits overlap when one holds the other. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [parseCidr(one), parseCidr(other)];
  if (ipFamily(a.address) !== ipFamily(b.address)) return false;
  const prefix = Math.min(a.prefix, b.prefix);
  const [left, right] = [ipToBytes(a.address), ipToBytes(b.address)];
  return left.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - 8 * index));
    return ((byte ^ (right[index] ?? 0)) & (0xff00 >> bits) & 0xff) === 0;
  });
}

function subnetsOf({ subnet, subnet6 }: Occupied): string[] {
  return [subnet, subnet6].filter(one => one !== null);
}
