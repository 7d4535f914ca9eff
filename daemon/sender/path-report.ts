import { formatMac, type VtepAddress } from '../../dataplane/address.ts';
import type { PathReport } from '../operations.ts';
import type { Path } from './next-hop.ts';

export interface SenderOfPath {
  readonly sender: PathReport['sender'];
  /** Why it is not tunnel-gso, as far as the machine or the device says. */
  readonly reason: string | undefined;
}

/** How TCP reaches a VTEP, for operators. `path` undefined: the kernel has none, or it was not looked for. */
export function pathReport(
  vtep: VtepAddress,
  path: Path | undefined,
  { sender, reason }: SenderOfPath,
): PathReport {
  const unknown = path === undefined ? 'there is no route to it' : 'its next hop is not known yet';
  return {
    vtep,
    ifname: path?.link.ifname ?? null,
    next_hop: path?.nextHop === undefined ? null : formatMac(path.nextHop.mac),
    mtu: path?.mtu ?? null,
    sender,
    reason: sender === 'tunnel-gso' ? null : (reason ?? unknown),
  };
}
