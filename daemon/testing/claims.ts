/** Claims of other nodes, as the record log would show them. */
import { ClaimView } from '../../control/records/claim-view.ts';
import {
  encodeEndpoint,
  encodeGone,
  encodeVtep,
  macKey,
  NO_KEY,
  RECORD_KIND,
  recordId,
} from '../../control/records/record.ts';
import { parseIp, parseMac, parseVni } from '../../dataplane/address.ts';
import type { Clock } from '../../dataplane/clock.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';

export const BLUE = parseVni(42);
export const MAC = parseMac('02:00:5e:10:00:03');

export interface FakeClaim {
  readonly origin: string;
  /** null: its node has not told it. */
  readonly vtep: string | null;
  /** @default MAC */
  readonly mac?: string;
  /** @default none */
  readonly ips?: readonly string[];
  /** @default 0 */
  readonly mobility?: number;
  readonly sticky?: boolean;
  readonly frozen?: boolean;
  /** Its node is not there. */
  readonly isHidden?: boolean;
  readonly isDeleted?: boolean;
  /** @default '' */
  readonly containerId?: string;
}

/** What `self` makes of these claims in network BLUE. */
export function claimView(
  claims: readonly FakeClaim[],
  { self = 'vm-a', clock = new ManualClock() }: { readonly self?: string; readonly clock?: Clock } = {},
): ClaimView {
  const hidden = new Set(claims.filter(({ isHidden }) => isHidden).map(({ origin }) => origin));
  const isShown = (_: number, origin: string): boolean => !hidden.has(origin);
  const view = new ClaimView({ clock }, { self, isShown, onEvent: () => {} });
  let seq = 0;
  const tell = (origin: string, kind: number, key: Uint8Array, body: Uint8Array, deleted = false): void => {
    const record = { seq: ++seq, kind, key, body, deleted };
    view.update(BLUE, origin, recordId(record), record);
  };
  for (const claim of claims) {
    const { origin, vtep, ips = [], mobility = 0, sticky = false, frozen = false, containerId = '' } = claim;
    if (vtep !== null)
      tell(origin, RECORD_KIND.vtep, NO_KEY, encodeVtep({ address: parseIp(vtep), port: 4789 }));
    const endpoint = { ips: ips.map(parseIp), interface: 'eth0', containerId, mobility, sticky, frozen };
    const body = claim.isDeleted ? encodeGone(mobility) : encodeEndpoint(endpoint);
    const mac = claim.mac === undefined ? MAC : parseMac(claim.mac);
    tell(origin, RECORD_KIND.endpoint, macKey(mac), body, claim.isDeleted);
  }
  return view;
}
