/** Adds what an interface may have already: the kernel refuses it then, which is the cheapest way to ask. */
import { changeLinkSteps, LinkStepError } from './link-steps.ts';
import type { LinkChange } from './rtnetlink/link-change.ts';
import type { NetnsPath } from './run.ts';

/** False: it was there. Throws what the kernel says otherwise. */
export async function addIfMissing(change: LinkChange, netns?: NetnsPath): Promise<boolean> {
  try {
    await changeLinkSteps([{ ...(netns !== undefined && { netns }), changes: [change] }]);
    return true;
  } catch (error) {
    if (error instanceof LinkStepError && error.code === 'conflict') return false;
    throw error;
  }
}
