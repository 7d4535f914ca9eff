/** What the log says of an offload that the kernel has refused. */
import type { OffloadStates } from '../../dataplane/offload-states.ts';
import type { OffloadLost } from '../../dataplane/offloads.ts';
import type { Log } from '../log.ts';

/** Notes it as lost. One line for the operator; what one port has met, the others will meet too. */
export function logOffloadLost(
  { log, offloads }: { readonly log: Log; readonly offloads: Pick<OffloadStates, 'lost'> },
  { offload, port, vni, errno }: OffloadLost,
): void {
  const where = { vni: vni ?? undefined, ifname: port ?? undefined };
  const fields = { component: 'dataplane', offload, ...where, errno } as const;
  if (offloads.lost(offload)) {
    const event = 'offload_lost';
    log.warn({ ...fields, event }, 'the kernel refuses an offload: not used any more');
  } else {
    log.debug(fields, 'the kernel refuses an offload on one more port');
  }
}
