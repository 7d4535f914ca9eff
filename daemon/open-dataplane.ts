/** The two ends of a start of the dataplane: the underlay, with what the kernel has of the offloads, and the first frame. */
import type { VtepAddress } from '../dataplane/address.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { type PassedOn, socketsName } from '../dataplane/descriptor-store.ts';
import type { OffloadStates } from '../dataplane/offload-states.ts';
import { MAX_WORKERS } from '../dataplane/worker-count.ts';
import type { Predecessor } from './handover/predecessor.ts';
import type { Log } from './log.ts';

export interface OpenDataplaneModules {
  readonly log: Log;
  readonly dataplane: Pick<Dataplane, 'run'>;
  readonly offloads: OffloadStates;
}

export interface OpenDataplaneOptions {
  readonly underlay: VtepAddress;
  readonly port: number;
  readonly passed: PassedOn;
}

/** It reads nothing before `begin`. Throws what the command `open` throws. */
export async function openDataplane(
  { log, dataplane, offloads }: OpenDataplaneModules,
  { underlay, port, passed }: OpenDataplaneOptions,
): Promise<void> {
  const sockets = takeSockets(passed);
  const { missing } = await dataplane.run('open', {
    underlay,
    port,
    offloads: offloads.allowed,
    passed: sockets,
    held: true,
  });
  for (const offload of missing) offloads.missing(offload);
  const states = Object.entries(offloads.report()).map(([key, state]) => `${key} ${state}`);
  log.info({ component: 'dataplane', offload: states.join(', ') }, 'offloads');
}

/** All is as it was: what has come since the process before has ended can go on. */
export async function beginCarrying(
  { log, dataplane }: Pick<OpenDataplaneModules, 'dataplane' | 'log'>,
  predecessor: Pick<Predecessor, 'finish'> | undefined,
): Promise<void> {
  // Not both at once: one would send what is later before the other sends what is earlier.
  const hasFinished = await predecessor?.finish();
  await dataplane.run('begin', {});
  if (hasFinished === false)
    log.warn({ component: 'dataplane' }, 'the daemon before this one does not say that it has ended');
  const duration_ms = Math.round(process.uptime() * 1000);
  log.info({ component: 'dataplane', duration_ms }, 'frames are carried');
}

/** Of each worker of an earlier process, however many it had. */
function takeSockets(passed: PassedOn): readonly (readonly number[])[] {
  const all = Array.from({ length: MAX_WORKERS }, (_, worker) => passed.take(socketsName(worker)));
  return all.slice(0, all.findLastIndex(fds => fds.length > 0) + 1);
}
