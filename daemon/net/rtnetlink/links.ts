/** Questions about single links, and their removal. */

import { WeftError } from '../../../dataplane/errors.ts';
import { changeNet } from '../../../dataplane/net-change.ts';
import { changeLinkSteps } from '../link-steps.ts';
import type { NetnsPath } from '../run.ts';
import { askForLink, type LinkInfo, readLinkInfo } from './link-messages.ts';

/** The link, or undefined if there is none of that name. Throws as changeLinkSteps does. */
export async function readLink(name: string, netns?: NetnsPath): Promise<LinkInfo | undefined> {
  return ifThere(async () => readLinkInfo(await changeNet(netns, [askForLink(name)])));
}

/** Removes a link; false if it was not there, or went at the same moment. Throws as changeLinkSteps does. */
export async function removeLinkIfThere(dev: string, netns?: NetnsPath): Promise<boolean> {
  const removed = await ifThere(async () => {
    await changeLinkSteps([{ netns, changes: [{ kind: 'delete', dev }] }]);
    return true;
  });
  return removed ?? false;
}

async function ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WeftError && error.code === 'not_found') return undefined;
    throw error;
  }
}
