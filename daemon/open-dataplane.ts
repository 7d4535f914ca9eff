/** The underlay of the dataplane, and what the kernel has of the offloads. */
import type { VtepAddress } from '../dataplane/address.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import type { Log } from './log.ts';

export interface OpenDataplaneModules {
  readonly log: Log;
  readonly dataplane: Pick<Dataplane, 'run'>;
  readonly offloads: OffloadStates;
}

/** Throws what the command `open` throws. */
export async function openDataplane(
  { log, dataplane, offloads }: OpenDataplaneModules,
  { underlay, port }: { readonly underlay: VtepAddress; readonly port: number },
): Promise<void> {
  const { missing } = await dataplane.run('open', { underlay, port, offloads: offloads.allowed });
  for (const offload of missing) offloads.missing(offload);
  const states = Object.entries(offloads.report()).map(([key, state]) => `${key} ${state}`);
  log.info({ component: 'dataplane', offload: states.join(', ') }, 'offloads');
}
