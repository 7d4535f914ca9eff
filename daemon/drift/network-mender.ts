/** The devices of a network held against the kernel, and put right in place. Those that are gone are made again elsewhere (networks/network-set.ts). */
import type { NetworkConfig } from '../config/config.ts';
import { bridgeName, bridgeTapName } from '../endpoints/names.ts';
import { changeLinkSteps } from '../net/link-steps.ts';
import { addMissingAddress } from '../net/rtnetlink/addresses.ts';
import type { LinkInfo } from '../net/rtnetlink/link-messages.ts';
import { readLink } from '../net/rtnetlink/links.ts';
import type { CarriedNetwork } from '../networks/carried-network.ts';
import { interfaceAddresses, ownGateway } from '../networks/gateway.ts';
import { addConnectedRoutes } from './connected-routes.ts';
import type { DriftObject } from './drift-counts.ts';

type MendedNetwork = Pick<CarriedNetwork, 'devices' | 'mtu' | 'name' | 'route'> & {
  readonly config: NetworkConfig;
};

/** What was put back; `gone`: a device is not there. Throws as changeLinkSteps does. */
export async function mendNetwork(network: MendedNetwork): Promise<readonly DriftObject[] | 'gone'> {
  const { devices, mtu, name } = network;
  const links = new Map<string, LinkInfo>();
  for (const device of devices) {
    const link = await readLink(device);
    if (link === undefined) return 'gone';
    links.set(device, link);
  }
  const mended: DriftObject[] = [];
  for (const [dev, link] of links) {
    const bridge = dev === bridgeTapName(name) ? links.get(bridgeName(name)) : undefined;
    const wrong: DriftObject[] = [];
    if (bridge !== undefined && link.master !== bridge.index) wrong.push('port');
    if (link.mtu !== mtu) wrong.push('mtu');
    if (!link.isUp) wrong.push('state');
    const master = bridge === undefined ? {} : { master: bridge.ifname };
    if (wrong.length > 0)
      await changeLinkSteps([{ changes: [{ kind: 'set', dev, mtu, ...master, up: true }] }]);
    mended.push(...wrong);
  }
  return [...mended, ...(await mendGateway(network))];
}

async function mendGateway({ config, route }: MendedNetwork): Promise<readonly DriftObject[]> {
  const gateway = ownGateway(config);
  if (gateway === undefined || route === undefined) return [];
  const { device: dev } = route;
  const addresses = interfaceAddresses(gateway);
  const mended: DriftObject[] = [];
  for (const address of addresses) if (await addMissingAddress(dev, address)) mended.push('address');
  if ((await addConnectedRoutes(dev, addresses)) > 0) mended.push('route');
  return mended;
}
