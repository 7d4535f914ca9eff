/** The default routes of a container by the gateways of its network: which it is to have, and how it follows when they change. */
import { constants } from 'node:os';
import { errorFields, type Log } from '../log.ts';
import { changeLinkSteps, LinkStepError } from '../net/link-steps.ts';
import type { LinkChange } from '../net/rtnetlink/link-change.ts';
import { type Endpoint, isSameInterface } from './endpoint.ts';
import { endpointFields } from './endpoint-fields.ts';
import type { EndpointStore } from './endpoint-store.ts';
import type { AttachableNetwork } from './plan.ts';
import { familyOf } from './route.ts';

const { ESRCH } = constants.errno;

/** Ours rank behind those that somebody else has made in the container, which have 0 or, of IPv6, 1024 (ip-route(8)). */
const ROUTE_METRIC = 2000;

type Routed = Pick<Endpoint, 'gateways' | 'routeMetric'>;

/** The default routes of families in which it has an address; those of its first network come first. */
export function gatewayRoutes(
  endpoint: Pick<Endpoint, 'addresses' | 'attach' | 'handover' | 'hostLink' | 'ifname' | 'netns'> & Routed,
  { gateways = [] }: Pick<AttachableNetwork, 'gateways'>,
  others: readonly Endpoint[],
): Routed {
  const usable = gateways.filter(gateway =>
    endpoint.addresses.some(address => address.includes(':') === gateway.includes(':')),
  );
  if (usable.length === 0) return {};
  // The runtime that takes the interface makes its routes too.
  if (endpoint.handover !== undefined) return { gateways: usable };
  const taken = new Set(
    others
      .filter(other => other.netns.inode === endpoint.netns.inode && !isSameInterface(other, endpoint))
      .map(({ routeMetric }) => routeMetric),
  );
  let routeMetric = endpoint.routeMetric ?? ROUTE_METRIC;
  while (taken.has(routeMetric)) routeMetric += 1;
  return { gateways: usable, routeMetric };
}

/** How they are added or deleted inside its namespace. */
export function routeChanges(
  kind: 'add-route' | 'delete-route',
  { ifname, gateways = [], routeMetric = 0 }: Pick<Endpoint, 'gateways' | 'ifname' | 'routeMetric'>,
): readonly LinkChange[] {
  return gateways.map(gateway => {
    const dst = familyOf({ dst: gateway }) === 6 ? '::/0' : '0.0.0.0/0';
    return { kind, dev: ifname, dst, gateway, priority: routeMetric };
  });
}

export interface GatewayModules {
  readonly store: Pick<EndpointStore, 'all' | 'replace'>;
  readonly log: Log;
}

/**
 * The gateways of its network may be others than those it was attached with: its default routes become others then. What fails is
 * logged, and tried again at the next start; the container is served all the same.
 */
export async function followGateways(
  { store, log }: GatewayModules,
  endpoint: Endpoint,
  network: Pick<AttachableNetwork, 'gateways'>,
): Promise<void> {
  const { gateways: before = [], routeMetric: _, ...rest } = endpoint;
  const wanted = gatewayRoutes(endpoint, network, store.all());
  const now = wanted.gateways ?? [];
  if (endpoint.handover !== undefined || before.join() === now.join()) return;
  const followed: Endpoint = { ...rest, ...wanted };
  try {
    await deleteRoutes({ ...endpoint, gateways: before.filter(gateway => !now.includes(gateway)) });
    await addRoutes({ ...followed, gateways: now.filter(gateway => !before.includes(gateway)) });
    // Last: what was interrupted is done again.
    await store.replace(endpoint, followed);
    log.info(endpointFields(followed), 'follows the gateways of its network');
  } catch (error) {
    log.error(
      { ...endpointFields(endpoint), ...errorFields(error) },
      'cannot follow the gateways of its network',
    );
  }
}

async function deleteRoutes(endpoint: Endpoint): Promise<void> {
  await changeEach('delete-route', endpoint, ({ errno }) => errno === ESRCH);
}

async function addRoutes(endpoint: Endpoint): Promise<void> {
  await changeEach('add-route', endpoint, ({ code }) => code === 'conflict');
}

/** `isFine`: it was so already. */
async function changeEach(
  kind: 'add-route' | 'delete-route',
  endpoint: Endpoint,
  isFine: (error: LinkStepError) => boolean,
): Promise<void> {
  for (const change of routeChanges(kind, endpoint)) {
    try {
      await changeLinkSteps([{ netns: endpoint.netns.path, changes: [change] }]);
    } catch (error) {
      if (!(error instanceof LinkStepError && isFine(error))) throw error;
    }
  }
}
