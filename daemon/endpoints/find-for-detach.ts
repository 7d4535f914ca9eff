import { WeftError } from '../../dataplane/errors.ts';
import { resolveNetns } from '../net/netns.ts';
import type { DetachRequest } from '../operations.ts';
import type { Endpoint } from './endpoint.ts';

/** Which endpoint of the network is meant: by identity if the namespace still exists, else by the name that was used to attach. */
export async function findForDetach(
  { netns, ifname }: DetachRequest,
  endpoints: readonly Endpoint[],
): Promise<Endpoint | undefined> {
  const candidates = endpoints.filter(endpoint => endpoint.ifname === ifname);
  const byName = candidates.find(endpoint => endpoint.netns.name === netns);
  // The namespace of the VM is that of many.
  if (byName?.attach === 'host') return byName;
  try {
    const { inode } = await resolveNetns(netns);
    return candidates.find(endpoint => endpoint.netns.inode === inode && endpoint.attach !== 'host');
  } catch (error) {
    const isAbsent = error instanceof WeftError && error.code === 'not_found';
    if (byName === undefined && !isAbsent && candidates.every(({ attach }) => attach !== 'host')) throw error;
    return byName;
  }
}
