/** What the record log tells the daemon. */
import type { IpAddress, MacAddress, Vni } from '../../dataplane/address.ts';
import type { PlacedClaim, Rule } from './claim.ts';
import type { VtepRecord } from './record.ts';

/**
 * Why something changed.
 * - `announced`: its origin said so. `withdrawn`: its origin took it back.
 * - `originDead`, `originLeft`, `originReturned`: what membership says of the origin.
 * - `outdated`: the origin's tags say that it has begun a new life or left the network, and no record followed.
 * - `erased`: hidden for 24 h. `networkLeft`: we left the network.
 * - the rules: another claim took precedence, by this one.
 */
export type Cause =
  | 'announced'
  | 'withdrawn'
  | 'originDead'
  | 'originLeft'
  | 'originReturned'
  | 'outdated'
  | 'erased'
  | 'networkLeft'
  | Rule;

/** What is claimed: a MAC address, or an IP address of whoever has the MAC. */
export type Subject = { readonly mac: MacAddress } | { readonly ip: IpAddress };

export type RecordEvent =
  /** An address that nobody had has an owner. */
  | {
      readonly type: 'claimWon';
      readonly vni: Vni;
      readonly subject: Subject;
      readonly claim: PlacedClaim;
      readonly reason: Cause;
    }
  /** It has another owner, or the same one elsewhere or with other properties. */
  | {
      readonly type: 'claimChanged';
      readonly vni: Vni;
      readonly subject: Subject;
      readonly claim: PlacedClaim;
      readonly previous: PlacedClaim;
      readonly reason: Cause;
    }
  /** Nobody has it any more. */
  | {
      readonly type: 'claimWithdrawn';
      readonly vni: Vni;
      readonly subject: Subject;
      readonly previous: PlacedClaim;
      readonly reason: Cause;
    }
  /** A claim of our own, that we have not taken back, does not hold against another one. */
  | {
      readonly type: 'claimLost';
      readonly vni: Vni;
      readonly subject: Subject;
      readonly claim: PlacedClaim;
      readonly winner: PlacedClaim;
      readonly reason: Rule;
    }
  /** An address is held where it is, because it moved too often (RFC 7432 section 15.1); or it is free again. */
  | {
      readonly type: 'addressFrozen' | 'addressReleased';
      readonly vni: Vni;
      readonly mac: MacAddress;
      readonly claim: PlacedClaim;
    }
  /** Who gets the broadcasts of a network: an origin that carries it, and where. */
  | {
      readonly type: 'carrierUp' | 'carrierDown';
      readonly vni: Vni;
      readonly origin: string;
      readonly vtep: VtepRecord;
    }
  /** All that an origin has in a network is known from now on, or no longer: see {@link Completeness}. */
  | { readonly type: 'originTells' | 'originSilent'; readonly vni: Vni; readonly origin: string }
  /** On the board: a post in another version than before, ours included; `body` undefined: it is gone. */
  | {
      readonly type: 'posted';
      readonly origin: string;
      readonly key: string;
      readonly body: Uint8Array | undefined;
    }
  /** An origin says more than we keep of one. */
  | { readonly type: 'quotaExceeded'; readonly origin: string }
  /** Our log has begun anew: the tags should say so. */
  | { readonly type: 'epochRaised' };
