/** Attach mode `tap`: the TAP itself becomes the container's interface; no bridge, no veth, one hop less. */
import { closeSync } from 'node:fs';
import { openTap } from '../../dataplane/tap-device.ts';
import { changeLinks, findLink } from '../net/ip.ts';
import { configureContainerLink, explainOccupied } from './container-link.ts';
import type { Endpoint } from './endpoint.ts';

/** Makes the TAP and moves it into the container; returns its descriptor. When it throws, nothing is left of it. */
export async function attachByTap(endpoint: Endpoint): Promise<number> {
  const { hostLink, mac, mtu, ifname, netns } = endpoint;
  const { fd } = openTap({ name: hostLink, persist: true });
  let moved = false;
  try {
    try {
      await changeLinks([`link set ${hostLink} address ${mac} mtu ${mtu}`]);
      await changeLinks([`link set ${hostLink} netns ${netns.path} name ${ifname}`]);
    } catch (error) {
      throw explainOccupied(error, endpoint);
    }
    moved = true;
    await configureContainerLink(endpoint);
  } catch (error) {
    closeSync(fd);
    await changeLinks([`link del ${moved ? ifname : hostLink}`], moved ? netns.path : undefined);
    throw error;
  }
  return fd;
}

/** Removes the interface. The caller has closed the port before. */
export async function detachTap(endpoint: Endpoint): Promise<void> {
  const { ifname, netns } = endpoint;
  const link = await findLink(ifname, netns.path);
  // Whoever renamed or replaced the interface meanwhile keeps it: only our TAP, known by its MAC, is removed.
  if (link?.linkinfo?.info_kind !== 'tun' || link.address !== endpoint.mac) return;
  await changeLinks([`link del ${ifname}`], netns.path);
}

/** After a restart: opens the TAP again where it is, in the container. Undefined when it is there no more. */
export async function restoreTap(endpoint: Endpoint): Promise<number | undefined> {
  const { ifname, netns, mtu } = endpoint;
  const link = await findLink(ifname, netns.path);
  if (link?.linkinfo?.info_kind !== 'tun') return undefined;
  const { fd } = openTap({ name: ifname, netnsPath: netns.path, persist: true });
  if (link.mtu !== mtu) await changeLinks([`link set ${ifname} mtu ${mtu}`], netns.path);
  return fd;
}
