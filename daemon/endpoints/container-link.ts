/** The container's end of an attachment: what is done inside its namespace, the same in both modes. */
import { WeftError } from '../../dataplane/errors.ts';
import type { LinkStep } from '../net/link-steps.ts';
import type { Endpoint } from './endpoint.ts';
import { routeChanges } from './gateway-routes.ts';

/**
 * Gives the interface its addresses and brings it up. Its super-frames have at most `gsoMaxSegs` segments: it is the
 * interface on which TCP decides how large they are. One that a runtime takes and addresses itself has just that.
 */
export function containerLinkStep(endpoint: Endpoint, gsoMaxSegs: number): LinkStep {
  if (endpoint.handover !== undefined)
    return { changes: [{ kind: 'set', dev: endpoint.handover, gsoMaxSegs }] };
  const { ifname, addresses, netns } = endpoint;
  const v6 = addresses.some(address => address.includes(':'));
  return {
    netns: netns.path,
    sysctls: {
      // Announce the address when the link comes up (gratuitous ARP, unsolicited NA): after a move every VTEP and
      // every neighbour learns the new place at once. Documentation/networking/ip-sysctl.rst.
      [`ipv4/conf/${ifname}/arp_notify`]: 1,
      ...(v6 ? { [`ipv6/conf/${ifname}/disable_ipv6`]: 0, [`ipv6/conf/${ifname}/ndisc_notify`]: 1 } : {}),
    },
    changes: [
      ...addresses.map(address => ({ kind: 'add-address', dev: ifname, address }) as const),
      { kind: 'set', dev: ifname, gsoMaxSegs, up: true },
      ...routeChanges('add-route', endpoint),
    ],
  };
}

/** Turns "file already exists" into what the operator can act on. */
export function explainOccupied(error: unknown, endpoint: Endpoint): unknown {
  if (!(error instanceof WeftError) || error.code !== 'conflict') return error;
  return new WeftError(
    'conflict',
    `namespace ${endpoint.netns.name} has an interface "${endpoint.ifname}" already`,
    { hint: 'choose another name with --ifname, or remove that interface', cause: error },
  );
}
