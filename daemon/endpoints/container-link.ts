/** The container's end of an attachment: what is done inside its namespace, the same in both modes. */
import { WeftError } from '../../dataplane/errors.ts';
import type { LinkStep } from '../net/link-steps.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * Gives the interface its addresses and brings it up. Its super-frames have at most `gsoMaxSegs` segments: it is the
 * interface on which TCP decides how large they are.
 */
function containerLinkStep(endpoint: Endpoint, gsoMaxSegs: number): LinkStep {
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
    ],
  };
}

/** {@link containerLinkStep}, or what of it is done before a runtime takes the interface, and addresses it itself. */
export function containerEndStep(endpoint: Endpoint, gsoMaxSegs: number): LinkStep {
  if (endpoint.handover === undefined) return containerLinkStep(endpoint, gsoMaxSegs);
  return { changes: [{ kind: 'set', dev: endpoint.handover, gsoMaxSegs }] };
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
