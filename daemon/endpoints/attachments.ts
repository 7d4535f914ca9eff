/**
 * The ways in which containers are attached, each behind the same few functions: whoever attaches, detaches, or takes over after a restart need not
 * know which it is.
 */
import type { TapDevice } from '../../dataplane/tap-device.ts';
import { locateNetns, netnsInode } from '../net/netns.ts';
import { removeLinkIfThere } from '../net/rtnetlink/links.ts';
import { attachByBridge, detachFromBridge, restoreOnBridge } from './bridge-attach.ts';
import type { AttachKind, Endpoint } from './endpoint.ts';
import { attachByMacvlan, detachMacvlan, restoreMacvlan } from './macvlan-attach.ts';
import type { AttachableNetwork } from './plan.ts';
import { attachByTap, detachTap, restoreTap } from './tap-attach.ts';

/** The path by which the namespace can be entered now, or why the endpoint is no more. */
export type Whereabouts = { readonly path: string } | { readonly gone: string };

export interface Attachment {
  /** The dataplane has a port of its own for each, which is to be removed first. */
  readonly hasPort: boolean;
  /** Makes its links; returns the open device if it has one for the dataplane. When it throws, nothing is left. */
  make(endpoint: Endpoint, network: AttachableNetwork): Promise<TapDevice | undefined>;
  /** Takes away whichever part of it exists. */
  remove(endpoint: Endpoint): Promise<void>;
  /** After a restart. `gone`: it is there no more. */
  restore(endpoint: Endpoint, network: AttachableNetwork): Promise<TapDevice | undefined | 'gone'>;
  /** Without looking, whether it is there; undefined: that takes {@link locate}. `links`: those of the VM. */
  isThere(endpoint: Endpoint, links: ReadonlySet<string>): boolean | undefined;
  locate(endpoint: Endpoint, links: ReadonlySet<string>): Promise<Whereabouts>;
}

const DELETED = 'its interface was deleted';
const NO_NAMESPACE = 'its namespace is gone';

async function located(endpoint: Endpoint): Promise<Whereabouts> {
  const path = await locateNetns(endpoint.netns);
  return path === undefined ? { gone: NO_NAMESPACE } : { path };
}

const bridge: Attachment = {
  hasPort: false,
  make: attachByBridge,
  remove: detachFromBridge,
  restore: async (endpoint, network) => ((await restoreOnBridge(endpoint, network)) ? undefined : 'gone'),
  // The host's end of the pair lives exactly as long as the other end's namespace: while it is there, so is the
  // endpoint, and there is nothing to ask the kernel for.
  isThere: ({ hostLink }, links) => links.has(hostLink) || undefined,
  // That a new namespace has the same inode cannot feign a pair.
  async locate(endpoint, links) {
    if (!links.has(endpoint.hostLink)) return { gone: DELETED };
    return { path: (await locateNetns(endpoint.netns)) ?? endpoint.netns.path };
  },
};

const tap: Attachment = {
  hasPort: true,
  make: attachByTap,
  /** The namespace may live on at another path than the one it was attached by. */
  async remove(endpoint) {
    const path = await locateNetns(endpoint.netns);
    if (path === undefined) await removeLinkIfThere(endpoint.hostLink);
    else await detachTap({ ...endpoint, netns: { ...endpoint.netns, path } });
  },
  restore: async (endpoint, network) => (await restoreTap(endpoint, network)) ?? 'gone',
  isThere: () => undefined,
  // A TAP that we hold open keeps its namespace alive: only the holders of the namespace count.
  locate: located,
};

const macvlan: Attachment = {
  hasPort: false,
  make: attachByMacvlan,
  async remove(endpoint) {
    const path = await locateNetns(endpoint.netns);
    if (path !== undefined) await detachMacvlan({ ...endpoint, netns: { ...endpoint.netns, path } });
  },
  restore: async endpoint => ((await restoreMacvlan(endpoint)) ? undefined : 'gone'),
  isThere: () => undefined,
  locate: located,
};

/** Nothing is made: the container has the interfaces of the VM. */
const host: Attachment = {
  hasPort: false,
  make: async () => undefined,
  remove: async () => {},
  restore: async () => undefined,
  isThere: () => undefined,
  // The namespace is that of the VM, which stays; what ends is the process by which it was named.
  async locate({ netns }) {
    const inode = await netnsInode(netns.path).catch(() => undefined);
    return inode === netns.inode ? { path: netns.path } : { gone: 'its process is gone' };
  },
};

export const ATTACHMENTS: Readonly<Record<AttachKind, Attachment>> = { bridge, tap, macvlan, host };
