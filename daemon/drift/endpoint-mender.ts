/**
 * An endpoint as it was made, held against the kernel, and put right: nothing is changed that is as it should be. What the runtime gives its
 * containers itself (handover.ts) is its own business, but for the pair that leads there.
 */
import { attachmentOf } from '../endpoints/attachments.ts';
import { reflect } from '../endpoints/bridge-attach.ts';
import { type Endpoint, netnsPathOf } from '../endpoints/endpoint.ts';
import type { EndpointWiring } from '../endpoints/endpoint-services.ts';
import { routeChanges } from '../endpoints/gateway-routes.ts';
import { ignoreMissing } from '../endpoints/ignore-missing.ts';
import { bridgeName } from '../endpoints/names.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import { addIfMissing } from '../net/add-if-missing.ts';
import { changeLinkSteps } from '../net/link-steps.ts';
import { netnsInode } from '../net/netns.ts';
import { addMissingAddress } from '../net/rtnetlink/addresses.ts';
import type { LinkChange } from '../net/rtnetlink/link-change.ts';
import { readLink } from '../net/rtnetlink/links.ts';
import { nsidOf } from '../net/rtnetlink/nsid.ts';
import { addConnectedRoutes } from './connected-routes.ts';
import type { DriftObject } from './drift-counts.ts';

/** What was put back; empty: all was as it should be; `gone`: its pair is not there. Throws as changeLinkSteps does. */
export async function mendEndpoint(
  endpoint: Endpoint,
  network: Pick<AttachableNetwork, 'gsoMaxSegs'>,
): Promise<readonly DriftObject[] | 'gone'> {
  if (endpoint.attach === 'host') return [];
  const outside = endpoint.attach === 'bridge' ? await mendHostLink(endpoint) : [];
  if (outside === 'gone') return outside;
  if (endpoint.handover !== undefined) return outside;
  return [...outside, ...(await mendInside(endpoint, network))];
}

async function mendHostLink(endpoint: Endpoint): Promise<readonly DriftObject[] | 'gone'> {
  const { hostLink, mtu, network } = endpoint;
  const master = bridgeName(network);
  const [link, bridge] = [await readLink(hostLink), await readLink(master)];
  if (link === undefined) return 'gone';
  // Without its bridge it waits until that is made again.
  if (bridge === undefined) return [];
  const wrong: DriftObject[] = [];
  if (link.master !== bridge.index) wrong.push('port');
  if (link.mtu !== mtu) wrong.push('mtu');
  if (!link.isUp) wrong.push('state');
  if (wrong.length === 0) return wrong;
  await changeLinkSteps([{ changes: [{ kind: 'set', dev: hostLink, mtu, master, up: true }] }]);
  if (wrong.includes('port')) await reflect(endpoint);
  return wrong;
}

async function mendInside(
  endpoint: Endpoint,
  { gsoMaxSegs }: Pick<AttachableNetwork, 'gsoMaxSegs'>,
): Promise<readonly DriftObject[]> {
  const { ifname, mtu } = endpoint;
  const netns = netnsPathOf(endpoint);
  if (netns === undefined || (await netnsInode(netns)) !== endpoint.netns.inode) return [];
  const link = await readLink(ifname, netns);
  // The container may have renamed its interface: then it keeps what it has.
  if (link === undefined) return [];
  const wrong: DriftObject[] = [];
  if (link.mtu !== mtu) wrong.push('mtu');
  if (!link.isUp) wrong.push('state');
  if (wrong.length > 0)
    await changeLinkSteps([{ netns, changes: [{ kind: 'set', dev: ifname, mtu, gsoMaxSegs, up: true }] }]);
  return [...wrong, ...(await addMissing(endpoint, netns))];
}

/** Routes that are there already are refused by the kernel, which is the cheapest way to ask for them. */
async function addMissing(endpoint: Endpoint, netns: string): Promise<readonly DriftObject[]> {
  const { addresses, ifname: dev, routes = [], routesLeft = false } = endpoint;
  const added: DriftObject[] = [];
  for (const address of addresses) if (await addMissingAddress(dev, address, netns)) added.push('address');
  if (routesLeft) return added;
  // First: the gateways of the others are behind them.
  if ((await addConnectedRoutes(dev, addresses, netns)) > 0) added.push('route');
  const wanted: readonly LinkChange[] = [
    ...routes.map(route => ({ kind: 'add-route', dev, ...route }) as const),
    ...routeChanges('add-route', endpoint),
  ];
  for (const change of wanted) if (await addIfMissing(change, netns)) added.push('route');
  return added;
}

/**
 * Whether the namespace is the one that the interface was made in. Its inode may be that of a new one by now; only one that a link of ours has led
 * to has a number here.
 */
export async function isAlive({ netns }: Pick<Endpoint, 'netns'>): Promise<boolean> {
  if (netns.inode === 0 || (await netnsInode(netns.path).catch(() => undefined)) !== netns.inode)
    return false;
  return (await nsidOf(netns.path).catch(() => undefined)) !== undefined;
}

/**
 * Makes the interface anew, with the same names, MAC, addresses and routes, and hands it to the dataplane. False: its namespace is gone, or it
 * was still on its way there. Throws as the attachment does; then nothing is left of it.
 */
export async function remakeInterface(
  endpoint: Endpoint,
  network: AttachableNetwork,
  wiring: Pick<EndpointWiring, 'addPort' | 'attachMac' | 'removePort'>,
): Promise<boolean> {
  if (endpoint.attach === 'host' || !(await isAlive(endpoint))) return false;
  const { handover: _, gateways: __, routes: ___, ...rest } = endpoint;
  const attachment = attachmentOf(rest);
  if (attachment.hasPort) await ignoreMissing(wiring.removePort(endpoint));
  // Routes apart: another network of the container may have the destination by now.
  const device = await attachment.make(rest, network);
  try {
    if (device !== undefined) await wiring.addPort(endpoint, device);
  } catch (error) {
    await attachment.remove(rest).catch(() => {});
    throw error;
  }
  await addMissing(endpoint, endpoint.netns.path);
  await wiring.attachMac(endpoint);
  return true;
}
