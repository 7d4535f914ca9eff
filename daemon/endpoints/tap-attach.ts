/** Attach mode `tap`: the TAP itself becomes the container's interface; no bridge, no veth, one hop less. */
import { closeTap, openTap, type TapDevice } from '../../dataplane/tap-device.ts';
import { changeLinkSteps, LinkStepError } from '../net/link-steps.ts';
import { locateNetns } from '../net/netns.ts';
import type { LinkInfo } from '../net/rtnetlink/link-messages.ts';
import { readLink, removeLinkIfThere } from '../net/rtnetlink/links.ts';
import { containerLinkStep, explainOccupied } from './container-link.ts';
import { addRoutes } from './container-routes.ts';
import { type Endpoint, netnsPathOf } from './endpoint.ts';
import type { SuperFrameLimits } from './plan.ts';

/** Makes the TAP and moves it into the container, or leaves it to be taken there; returns it open. When it throws, nothing is left of it. */
export async function attachByTap(
  endpoint: Endpoint,
  { gsoMaxSegs, superFrames }: SuperFrameLimits,
): Promise<TapDevice> {
  const { hostLink, mac, mtu, ifname, netns, handover } = endpoint;
  const device = openTap({ name: hostLink, persist: true, superFrames });
  const born = { kind: 'set', dev: hostLink, mac, mtu } as const;
  // A step of its own: a message with both leaves the device there under its old name when the new one is taken
  // (do_setlink in net/core/rtnetlink.c moves first).
  const renaming = { netns: netns.path, changes: [{ kind: 'set', dev: hostLink, rename: ifname }] } as const;
  const moving =
    handover === undefined
      ? [{ changes: [born, { kind: 'set', dev: hostLink, netns: netns.path }] } as const, renaming]
      : [{ changes: [born] }];
  try {
    await changeLinkSteps([...moving, containerLinkStep(endpoint, gsoMaxSegs)]);
    await addRoutes(endpoint);
  } catch (error) {
    closeTap(device);
    const step = error instanceof LinkStepError ? error.step : undefined;
    // Refused at the first step, it has not moved. Else it is inside; where the namespace is gone, it can only be here.
    const removeHere = () => removeLinkIfThere(hostLink);
    const undone = step === 0 ? removeHere() : detachTap(endpoint).catch(removeHere);
    // Whatever goes wrong with it: why the attachment failed is what counts.
    await undone.catch(() => {});
    throw step === 1 ? explainOccupied(error, endpoint) : error;
  }
  return device;
}

/** Removes the interface wherever it is: the namespace may live on at another path than the one it was attached by. The caller has closed the port before. */
export async function removeTap(endpoint: Endpoint): Promise<void> {
  const path = netnsPathOf(endpoint) && (await locateNetns(endpoint.netns));
  if (path === undefined) await removeLinkIfThere(endpoint.hostLink);
  else await detachTap({ ...endpoint, netns: { ...endpoint.netns, path } });
}

/** As {@link removeTap}, also of one that an attach left on its way. */
export async function detachTap(endpoint: Endpoint): Promise<void> {
  const { hostLink, ifname, netns } = endpoint;
  // First what can be nobody else's: an older interface that is in its way may have its MAC.
  if (await removeLinkIfThere(hostLink, netns.path)) return;
  if (isOurs(endpoint, await readLink(ifname, netns.path))) await removeLinkIfThere(ifname, netns.path);
  else await removeLinkIfThere(hostLink);
}

/** After a restart: opens the TAP again where it is, in the container. Undefined when it is there no more. */
export async function restoreTap(
  endpoint: Endpoint,
  { gsoMaxSegs, superFrames }: SuperFrameLimits,
): Promise<TapDevice | undefined> {
  const { ifname, mtu } = endpoint;
  const netns = netnsPathOf(endpoint);
  if (!isOurs(endpoint, await readLink(ifname, netns))) return undefined;
  const where = netns === undefined ? {} : { netnsPath: netns };
  const device = openTap({ name: ifname, ...where, persist: true, superFrames });
  try {
    await changeLinkSteps([
      { ...(netns !== undefined && { netns }), changes: [{ kind: 'set', dev: ifname, mtu, gsoMaxSegs }] },
    ]);
  } catch (error) {
    closeTap(device);
    throw error;
  }
  return device;
}

/** Whoever renamed or replaced the interface meanwhile keeps it: only our TAP, known by its MAC, is touched. */
function isOurs({ mac }: Endpoint, link: LinkInfo | undefined): boolean {
  return link?.kind === 'tun' && link.mac === mac;
}
