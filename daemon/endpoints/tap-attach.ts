/** Attach mode `tap`: the TAP itself becomes the container's interface; no bridge, no veth, one hop less. */
import { closeTap, openTap, type TapDevice } from '../../dataplane/tap-device.ts';
import { changeLinks, type Link, listLinks, removeLink } from '../net/ip.ts';
import { changeLinkSteps, LinkStepError } from '../net/link-steps.ts';
import { containerLinkStep, explainOccupied } from './container-link.ts';
import type { Endpoint } from './endpoint.ts';
import type { SuperFrameLimits } from './plan.ts';

/** Makes the TAP and moves it into the container; returns it open. When it throws, nothing is left of it. */
export async function attachByTap(
  endpoint: Endpoint,
  { gsoMaxSegs, superFrames }: SuperFrameLimits,
): Promise<TapDevice> {
  const { hostLink, mac, mtu, ifname, netns } = endpoint;
  const device = openTap({ name: hostLink, persist: true, superFrames });
  try {
    await changeLinkSteps([
      {
        lines: [
          `link set dev ${hostLink} address ${mac} mtu ${mtu}`,
          `link set dev ${hostLink} netns ${netns.path}`,
        ],
      },
      // A step of its own: `ip link set … netns … name …` leaves the device there under its old name when the new one
      // is taken (do_setlink in net/core/rtnetlink.c moves first).
      { netns: netns.path, lines: [`link set dev ${hostLink} name ${ifname}`] },
      containerLinkStep(endpoint, gsoMaxSegs),
    ]);
  } catch (error) {
    closeTap(device);
    const step = error instanceof LinkStepError ? error.step : undefined;
    // Refused at the first step, it has not moved. Else how far it came is looked up, for a shell that was killed does not
    // tell; where the namespace is gone, it can only be here.
    const undone = step === 0 ? removeLink(hostLink) : detachTap(endpoint).catch(() => removeLink(hostLink));
    // Whatever goes wrong with it: why the attachment failed is what counts.
    await undone.catch(() => {});
    throw step === 1 ? explainOccupied(error, endpoint) : error;
  }
  return device;
}

/** Removes the interface, also one that an attach left on its way. The caller has closed the port before. */
export async function detachTap(endpoint: Endpoint): Promise<void> {
  const { hostLink, netns } = endpoint;
  const inside = await listLinks(netns.path);
  // First what can be nobody else's: an older interface that is in its way may have its MAC.
  if (inside.some(({ ifname }) => ifname === hostLink)) await removeLink(hostLink, netns.path);
  else if (isOurs(endpoint, inside)) await removeLink(endpoint.ifname, netns.path);
  else await removeLink(hostLink);
}

/** After a restart: opens the TAP again where it is, in the container. Undefined when it is there no more. */
export async function restoreTap(
  endpoint: Endpoint,
  { gsoMaxSegs, superFrames }: SuperFrameLimits,
): Promise<TapDevice | undefined> {
  const { ifname, netns, mtu } = endpoint;
  if (!isOurs(endpoint, await listLinks(netns.path))) return undefined;
  const device = openTap({ name: ifname, netnsPath: netns.path, persist: true, superFrames });
  try {
    await changeLinks([`link set dev ${ifname} mtu ${mtu} gso_max_segs ${gsoMaxSegs}`], netns.path);
  } catch (error) {
    closeTap(device);
    throw error;
  }
  return device;
}

/** Whoever renamed or replaced the interface meanwhile keeps it: only our TAP, known by its MAC, is touched. */
function isOurs(endpoint: Endpoint, links: readonly Link[]): boolean {
  const link = links.find(({ ifname }) => ifname === endpoint.ifname);
  return link?.linkinfo?.info_kind === 'tun' && link.address === endpoint.mac;
}
