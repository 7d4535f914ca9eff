/** Attach mode `bridge`: a veth pair, one end in the container, the other a port of the bridge `wf-NAME`. */
import { WeftError } from '../../dataplane/errors.ts';
import { changeLinks, ownLinkNames } from '../net/ip.ts';
import { changeLinkSteps, LinkStepError } from '../net/link-steps.ts';
import { removeLinkIfThere } from '../net/rtnetlink/links.ts';
import { containerLinkStep, explainOccupied } from './container-link.ts';
import { addRoutes } from './container-routes.ts';
import { type Endpoint, netnsPathOf } from './endpoint.ts';
import { bridgeName } from './names.ts';
import type { SuperFrameLimits } from './plan.ts';

/** Makes the pair, its other end in the container or ready to be taken there; there is no descriptor to hand over. When it throws, nothing is left of it. */
export async function attachByBridge(
  endpoint: Endpoint,
  { gsoMaxSegs }: SuperFrameLimits,
): Promise<undefined> {
  const { hostLink, mtu, mac, ifname, netns, network, handover } = endpoint;
  const place = handover === undefined ? { netns: netns.path } : {};
  try {
    await changeLinkSteps([
      {
        // The peer is born in the container under its final name: an occupied name fails here, before anything exists.
        changes: [
          {
            kind: 'add-veth',
            name: hostLink,
            mtu,
            peer: { name: ifname, mac, mtu, ...place },
          },
        ],
      },
      {
        sysctls: { [`ipv6/conf/${hostLink}/disable_ipv6`]: 1 },
        changes: [{ kind: 'set', dev: hostLink, master: bridgeName(network), up: true }],
      },
      containerLinkStep(endpoint, gsoMaxSegs),
    ]);
    await addRoutes(endpoint);
    await reflect(endpoint);
  } catch (error) {
    if (error instanceof LinkStepError && error.step === 0) throw await explainTaken(error, endpoint);
    // Whatever goes wrong here, the reason of the attachment is what counts.
    await detachFromBridge(endpoint).catch(() => {});
    throw explainFull(error, endpoint);
  }
}

/**
 * A container that asks for a port that it publishes itself is answered by itself. Where br_netfilter is on, the bridge alone turns the
 * frame round (br_nf_pre_routing_finish), and sends none back where it came from but by this flag.
 */
export async function reflect({ hostLink, ports }: Endpoint): Promise<void> {
  if (ports === undefined) return;
  await changeLinks([`link set dev ${hostLink} type bridge_slave hairpin on`]);
}

/** A pair has two names, and the kernel does not say which of them is taken. */
async function explainTaken(error: LinkStepError, endpoint: Endpoint): Promise<unknown> {
  const { hostLink } = endpoint;
  if (error.code !== 'conflict' || !(await ownLinkNames()).has(hostLink))
    return explainOccupied(error, endpoint);
  return new WeftError('conflict', `this VM has a link "${hostLink}" already`, {
    hint: `remove it (ip link delete ${hostLink})`,
    cause: error,
  });
}

/** "Exchange full" of asm-generic/errno.h. */
const EXFULL = 54;

/** BR_MAX_PORTS of net/bridge/br_private.h is 1024, port 0 is none, and one is the TAP. */
function explainFull(error: unknown, { network }: Endpoint): unknown {
  if (!(error instanceof LinkStepError) || error.errno !== EXFULL) return error;
  return new WeftError('unavailable', `the bridge of network ${network} is full: it has 1023 ports`, {
    hint: 'use attach: tap, which needs no bridge, or a network more',
    cause: error,
  });
}

/** Removes the pair; either end takes the other with it. */
export async function detachFromBridge(endpoint: Endpoint): Promise<void> {
  await removeLinkIfThere(endpoint.hostLink);
}

/** After a restart: is the pair still there? Puts the host end on its bridge and gives both ends the MTU of today. */
export async function restoreOnBridge(
  endpoint: Endpoint,
  { gsoMaxSegs }: SuperFrameLimits,
): Promise<boolean> {
  const { hostLink, ifname, mtu, network } = endpoint;
  const inside = netnsPathOf(endpoint);
  try {
    await changeLinkSteps([
      { changes: [{ kind: 'set', dev: hostLink, mtu, master: bridgeName(network), up: true }] },
      {
        ...(inside !== undefined && { netns: inside }),
        changes: [{ kind: 'set', dev: ifname, mtu, gsoMaxSegs }],
      },
    ]);
    await reflect(endpoint);
  } catch (error) {
    if (!(error instanceof LinkStepError) || error.code !== 'not_found') throw error;
    // The container may have renamed its interface: then it keeps what it has.
    return error.step > 0;
  }
  return true;
}
