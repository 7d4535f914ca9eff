/** How many frames a container has sent: evidence that it is here (contests.ts). */
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { receivedPackets } from '../net/ip.ts';

/**
 * Behind a bridge the host's end of the pair counts what it receives, which is what the container sends; a TAP of its own is counted
 * by the dataplane. Undefined if the device is gone.
 */
export async function framesSent(
  dataplane: Pick<Dataplane, 'run'>,
  { attach, hostLink, vni }: Endpoint,
): Promise<number | undefined> {
  if (attach === 'tap') {
    const { ports } = await dataplane.run('readCounters', {});
    return ports.find(candidate => candidate.vni === vni && candidate.port === hostLink)?.counters.rxFrames;
  }
  try {
    return await receivedPackets(hostLink);
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return undefined;
    throw error;
  }
}
