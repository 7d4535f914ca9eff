/** Who has an address: claims, and the order between them. All functions here are pure. */
import { type IpAddress, ipToBytes, type MacAddress, type Vni } from '../../dataplane/address.ts';
import type { EndpointRecord, VtepRecord } from './record.ts';

/** What one origin says of one MAC address. */
export interface Claim extends EndpointRecord {
  readonly vni: Vni;
  readonly mac: MacAddress;
  readonly origin: string;
  /** A tombstone: kept for its mobility counter. */
  readonly deleted: boolean;
  /** `clock.now()` when we learned that this origin has the address; a new version of the same claim does not change it. */
  readonly since: number;
}

/** A claim that frames can follow. */
export interface PlacedClaim extends Claim {
  readonly vtep: VtepRecord;
}

/** Which rule decided between two claims, the first that tells them apart (RFC 7432 section 7.7; `frozen` section 15.1). */
export type Rule = 'sticky' | 'frozen' | 'mobility' | 'vtep';

/** Compares two claims of one address: negative if `a` wins. Never 0 for different VTEPs. */
export function compareClaims(a: PlacedClaim, b: PlacedClaim): number {
  return (
    Number(b.sticky) - Number(a.sticky) ||
    Number(b.frozen) - Number(a.frozen) ||
    b.mobility - a.mobility ||
    compareVteps(a.vtep.address, b.vtep.address) ||
    // Two nodes behind one VTEP address is an error of the operator's; all should see it in the same way.
    (a.origin < b.origin ? -1 : Number(a.origin > b.origin)) ||
    a.mac - b.mac
  );
}

/** The rule by which `winner` wins. */
export function decidingRule(winner: PlacedClaim, loser: PlacedClaim): Rule {
  if (winner.sticky !== loser.sticky) return 'sticky';
  if (winner.frozen !== loser.frozen) return 'frozen';
  return winner.mobility === loser.mobility ? 'vtep' : 'mobility';
}

export function bestClaim(claims: Iterable<PlacedClaim>): PlacedClaim | undefined {
  let best: PlacedClaim | undefined;
  for (const claim of claims) if (best === undefined || compareClaims(claim, best) < 0) best = claim;
  return best;
}

/** Whether a frame is treated alike under both, and everything that is told of them is the same. */
export function sameClaim(a: PlacedClaim, b: PlacedClaim): boolean {
  return (
    a.origin === b.origin &&
    a.mac === b.mac &&
    a.vtep.address === b.vtep.address &&
    a.vtep.port === b.vtep.port &&
    a.mobility === b.mobility &&
    a.sticky === b.sticky &&
    a.frozen === b.frozen &&
    a.interface === b.interface &&
    a.containerId === b.containerId &&
    a.ips.length === b.ips.length &&
    a.ips.every((ip, index) => ip === b.ips[index]) &&
    a.names?.join() === b.names?.join()
  );
}

/** The lower address first; IPv4 before IPv6. */
function compareVteps(a: IpAddress, b: IpAddress): number {
  if (a === b) return 0;
  const [left, right] = [ipToBytes(a), ipToBytes(b)];
  return left.length - right.length || Buffer.compare(left, right);
}
