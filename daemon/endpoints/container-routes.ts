/** The routes of an endpoint inside its container: added with the interface, which takes them along when it goes. */
import { constants } from 'node:os';
import { WeftError } from '../../dataplane/errors.ts';
import { type KernelRoute, listRoutes } from '../net/ip.ts';
import { changeLinkSteps, LinkStepError } from '../net/link-steps.ts';
import type { Endpoint } from './endpoint.ts';
import { familyOf, type Route } from './route.ts';

const { EHOSTUNREACH, EINVAL, ENETUNREACH } = constants.errno;

/** enum rt_protocol of linux/rtnetlink.h: the kernel's own, as that to a subnet of an interface. */
const RTPROT_KERNEL = '2';
const RT_TABLE_MAIN = 254;

/**
 * Adds them in order, so that a gateway may be behind the route before it. A destination that the container has a route to already keeps
 * that one: of several networks with a default route the first one wins, as with the plugins of the CNI project. Throws
 * `invalid_argument` for a gateway that the interface does not reach, and whatever else the kernel refuses.
 */
export async function addRoutes(
  endpoint: Pick<Endpoint, 'addresses' | 'ifname' | 'netns' | 'routes'>,
): Promise<void> {
  const { ifname, netns, routes = [] } = endpoint;
  for (const route of routes) {
    try {
      await changeLinkSteps([{ netns: netns.path, changes: [{ kind: 'add-route', dev: ifname, ...route }] }]);
    } catch (error) {
      if (!(error instanceof LinkStepError)) throw error;
      if (error.code !== 'conflict') throw explain(error, route, endpoint);
    }
  }
}

function explain(
  error: LinkStepError,
  { dst, gateway }: Route,
  { ifname, addresses }: Pick<Endpoint, 'addresses' | 'ifname'>,
): WeftError {
  const { code, cause, errno, hint, message } = error;
  if (gateway !== undefined && (errno === ENETUNREACH || errno === EHOSTUNREACH)) {
    const has = addresses.length === 0 ? 'no address' : addresses.join(', ');
    return new WeftError(
      'invalid_argument',
      `the gateway ${gateway} of the route to ${dst} cannot be reached: ${ifname} has ${has}`,
      { hint: 'give a gateway within a subnet of the interface, or a route to it before this one', cause },
    );
  }
  // Not a LinkStepError any more: its steps are those of the attachment.
  return new WeftError(errno === EINVAL ? 'invalid_argument' : code, message, {
    ...(hint !== undefined && { hint }),
    cause,
  });
}

/** In words, what is not as {@link addRoutes} has left it; empty: nothing. `netns` is a path. */
export async function brokenRoutes(
  { ifname, routes = [] }: Pick<Endpoint, 'ifname' | 'routes'>,
  netns: string,
): Promise<readonly string[]> {
  const families = [...new Set(routes.map(familyOf))];
  const present = (await Promise.all(families.map(family => listRoutes(family, netns)))).flat();
  return routes.flatMap(route => {
    const wrong = whatIsWrong(route, ifname, present);
    return wrong === undefined ? [] : [wrong];
  });
}

/** What plugins later in a chain have put in its place is fine, as long as it does not lead elsewhere by our interface. */
export function whatIsWrong(
  route: Route,
  ifname: string,
  present: readonly KernelRoute[],
): string | undefined {
  const { gateway, priority, table = RT_TABLE_MAIN } = route;
  const dst = spoken(route);
  const candidates = present.filter(
    other =>
      other.dst === dst &&
      Number(other.table ?? RT_TABLE_MAIN) === table &&
      (priority === undefined || other.metric === priority),
  );
  if (candidates.length === 0) return `has no route to ${route.dst}`;
  const isFine = candidates.some(
    other => other.dev !== ifname || other.gateway === gateway || other.protocol === RTPROT_KERNEL,
  );
  if (isFine) return undefined;
  return `has a route to ${route.dst} ${via(candidates[0]?.gateway)}, not ${via(gateway)}`;
}

function via(gateway: string | undefined): string {
  return gateway === undefined ? 'on the link' : `via ${gateway}`;
}

/** As iproute2 names a destination. */
function spoken({ dst }: Route): string {
  if (dst.endsWith('/0')) return 'default';
  return familyOf({ dst }) === 4 ? dst.replace(/\/32$/, '') : dst.replace(/\/128$/, '');
}
