/** What is told of an offload that the kernel has refused: traffic goes on without it, and costs more. */
import type { OffloadStates } from '../../dataplane/offload-states.ts';
import type { OffloadLost } from '../../dataplane/offloads.ts';
import type { Log } from '../log.ts';
import type { TunnelSender } from './tunnel-sender.ts';

export interface OffloadLossModules {
  readonly log: Log;
  readonly offloads: Pick<OffloadStates, 'lost'>;
  readonly sender: Pick<TunnelSender, 'injectorLost'>;
}

export function reportOffloadLoss(
  { log, offloads, sender }: OffloadLossModules,
  { offload, port, vni, errno }: OffloadLost,
): void {
  if (offload === 'tunnel-gso' && port !== null) sender.injectorLost(port);
  const where = { vni: vni ?? undefined, ifname: port ?? undefined };
  const fields = { component: 'dataplane', offload, ...where, errno } as const;
  // One line for the operator; what one port has met, the others will meet too.
  if (offloads.lost(offload)) log.warn(fields, 'the kernel refuses an offload: not used any more');
  else log.debug(fields, 'the kernel refuses an offload on one more port');
}
