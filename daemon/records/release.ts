/** The release of a frozen address by the operator: only the node that holds it can say that it may move again. */
import { formatMac, type MacAddress, type Vni } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { RecordSource } from './record-views.ts';

export interface FrozenAddress {
  readonly network: string;
  readonly vni: Vni;
  readonly mac: MacAddress;
}

/** Returns whether it was frozen. Throws `conflict` if another node holds it. */
export function releaseAddress(
  modules: { readonly records: Pick<RecordSource, 'explain' | 'release'>; readonly self: string },
  { network, vni, mac }: FrozenAddress,
): boolean {
  const { records, self } = modules;
  // What a node says that is not there, or took back, holds nothing.
  const holders = records
    .explain(vni, mac)
    .claims.filter(({ standing }) => standing !== 'hidden' && standing !== 'deleted')
    .filter(({ claim }) => claim.frozen)
    .map(({ claim }) => claim.origin);
  if (holders.includes(self)) return records.release(vni, mac);
  const [holder] = holders;
  if (holder === undefined) return false;
  const text = formatMac(mac);
  throw new WeftError('conflict', `${text} is frozen by ${holder}, not by this node`, {
    hint: `run there: weft release ${text} --network ${network}`,
  });
}
