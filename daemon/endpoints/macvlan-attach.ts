/** Attach mode `macvlan`: an interface of the container that shares the wire of an interface of the VM, under a MAC of its own. */
import { constants } from 'node:os';
import { delay, systemClock } from '../../dataplane/clock.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { findLink } from '../net/ip.ts';
import { changeLinkSteps, LinkStepError } from '../net/link-steps.ts';
import type { LinkInfo } from '../net/rtnetlink/link-messages.ts';
import { readLink, removeLinkIfThere } from '../net/rtnetlink/links.ts';
import { numberNamespace } from '../net/rtnetlink/nsid.ts';
import { containerLinkStep, explainOccupied } from './container-link.ts';
import { addRoutes } from './container-routes.ts';
import type { Endpoint } from './endpoint.ts';
import type { AttachableNetwork } from './plan.ts';

const { EADDRINUSE, EBUSY } = constants.errno;

/**
 * Milliseconds in which the kernel takes a deleted namespace apart, one of the machine after the other: until then its macvlan has its MAC. No longer, for all
 * attachments of this VM wait meanwhile; a runtime tries again.
 */
const DISMANTLED_MS = 2000;
const LOOK_MS = 50;

/** Makes it on its parent, right in the container. When it throws, nothing is left of it. */
export async function attachByMacvlan(endpoint: Endpoint, network: AttachableNetwork): Promise<undefined> {
  const { mac, mtu, ifname, netns } = endpoint;
  const { parent = '', macvlanMode = 'bridge' } = network;
  let isMade = false;
  try {
    await changeLinkSteps([
      {
        changes: [
          { kind: 'add-macvlan', name: ifname, parent, mode: macvlanMode, mac, mtu, netns: netns.path },
        ],
      },
    ]);
    isMade = true;
    // Unlike a pair or a TAP that moves, it has the kernel number the namespace by no link of ours: nobody would tell of what happens there.
    await numberNamespace(netns.path);
    await bringUp(endpoint, network);
    await addRoutes(endpoint);
  } catch (error) {
    if (!isMade) throw explain(explainOccupied(error, endpoint), parent);
    // Whatever goes wrong here, the reason of the attachment is what counts.
    await detachMacvlan(endpoint).catch(() => {});
    throw error;
  }
}

/** Another one that has its MAC still, in a namespace that was just deleted, is waited for: a container that is made anew has the address of the former, and so its MAC. */
async function bringUp(endpoint: Endpoint, { parent = '', gsoMaxSegs }: AttachableNetwork): Promise<void> {
  let step = containerLinkStep(endpoint, gsoMaxSegs);
  for (const end = systemClock.now() + DISMANTLED_MS; ; await delay(systemClock, LOOK_MS)) {
    try {
      return await changeLinkSteps([step]);
    } catch (error) {
      if (!(error instanceof LinkStepError) || error.errno !== EADDRINUSE) throw error;
      if (systemClock.now() >= end) throw macInUse(endpoint, parent, error);
      // It has its addresses: it is at coming up that the kernel compares MACs (macvlan_open() of drivers/net/macvlan.c).
      step = { ...step, changes: step.changes.filter(({ kind }) => kind !== 'add-address') };
    }
  }
}

function macInUse({ mac }: Endpoint, parent: string, cause: unknown): WeftError {
  return new WeftError('conflict', `another macvlan of ${parent} has the MAC address ${mac}`, {
    hint: 'give this one another with --mac, or remove the other',
    cause,
  });
}

function explain(error: unknown, parent: string): unknown {
  if (error instanceof LinkStepError && error.code === 'not_found') return noParent(parent, error);
  if (!(error instanceof LinkStepError) || error.errno !== EBUSY) return error;
  return new WeftError(
    'conflict',
    `${parent} is a port of a bridge, or has another use that macvlan cannot share`,
    {
      hint: 'name another interface as the parent of the network',
      cause: error,
    },
  );
}

/** The MTU of an interface on this parent, and that there is one. Throws `unavailable`, `invalid_config`. */
export async function macvlanMtu({ name, parent = '', config }: MacvlanNetwork): Promise<number> {
  const link = await findLink(parent);
  if (link === undefined) throw noParent(parent);
  if (config === 'auto') return link.mtu;
  if (config <= link.mtu) return config;
  throw new WeftError(
    'invalid_config',
    `mtu ${config} of network ${name} does not fit: ${parent} carries ${link.mtu} bytes`,
    {
      hint: `set mtu: auto, or at most ${link.mtu}`,
    },
  );
}

export interface MacvlanNetwork {
  readonly name: string;
  readonly parent?: string | undefined;
  /** The MTU that was asked for. */
  readonly config: number | 'auto';
}

function noParent(parent: string, cause?: unknown): WeftError {
  return new WeftError('unavailable', `this VM has no interface "${parent}" for containers to share`, {
    hint: 'compare `ip link`; the parent of a macvlan network has the same name on all VMs',
    cause,
  });
}

/** Removes the interface, if it is ours. */
export async function detachMacvlan(endpoint: Endpoint): Promise<void> {
  const { ifname, netns } = endpoint;
  if ((await ownLink(endpoint)) !== undefined) await removeLinkIfThere(ifname, netns.path);
}

/** After a restart, or when its addresses may be used again: is it still there? */
export async function restoreMacvlan(endpoint: Endpoint): Promise<boolean> {
  const { ifname, netns } = endpoint;
  const link = await ownLink(endpoint);
  if (link === undefined) return false;
  await numberNamespace(netns.path);
  // With it went addresses of IPv6 and routes, which drift-guard.ts puts back.
  if (!link.isUp)
    await changeLinkSteps([{ netns: netns.path, changes: [{ kind: 'set', dev: ifname, up: true }] }]);
  return true;
}

/** Whoever renamed or replaced the interface meanwhile keeps it: only ours, known by its MAC, is touched. */
async function ownLink({ ifname, mac, netns }: Endpoint): Promise<LinkInfo | undefined> {
  const link = await readLink(ifname, netns.path);
  return link?.kind === 'macvlan' && link.mac === mac ? link : undefined;
}
