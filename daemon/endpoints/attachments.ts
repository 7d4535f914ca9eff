/**
 * The ways in which containers are attached, each behind the same few functions: whoever attaches, detaches, or takes over after a restart need not
 * know which it is.
 */
import { closeTap, type TapDevice } from '../../dataplane/tap-device.ts';
import { listLinks, ownLinkNames } from '../net/ip.ts';
import { locateNetns, netnsInode } from '../net/netns.ts';
import { nsidOf } from '../net/rtnetlink/nsid.ts';
import { attachByBridge, detachFromBridge, reflect, restoreOnBridge } from './bridge-attach.ts';
import type { AttachKind, Endpoint } from './endpoint.ts';
import { isAwaited, locateHandedOver } from './handover.ts';
import { attachByMacvlan, detachMacvlan, restoreMacvlan } from './macvlan-attach.ts';
import type { AttachableNetwork } from './plan.ts';
import { shape, unshape } from './shaping.ts';
import { attachByTap, removeTap, restoreTap } from './tap-attach.ts';

/** The endpoint with the place that it has now, the same object if nothing has changed; or why it is no more. */
export type Whereabouts = { readonly endpoint: Endpoint } | { readonly gone: string };

export interface Attachment {
  /** The dataplane has a port of its own for each, which is to be removed first. */
  readonly hasPort: boolean;
  /** Makes its links; returns the open device if it has one for the dataplane. When it throws, nothing is left. */
  make(endpoint: Endpoint, network: AttachableNetwork): Promise<TapDevice | undefined>;
  /** Takes away whichever part of it exists. */
  remove(endpoint: Endpoint): Promise<void>;
  /** After a restart. `gone`: it is there no more. */
  restore(endpoint: Endpoint, network: AttachableNetwork): Promise<TapDevice | undefined | 'gone'>;
  /** It has ports now that the container itself may ask for. */
  reflect(endpoint: Endpoint): Promise<void>;
  /** Without looking, whether it is there; undefined: that takes {@link locate}. `links`: those of the VM. */
  isThere(endpoint: Endpoint, links: ReadonlySet<string>): boolean | undefined;
  /** `closely`: also whether it is another namespace, to which the kernel has given the inode of one that is gone. */
  locate(endpoint: Endpoint, links: ReadonlySet<string>, how?: { closely: boolean }): Promise<Whereabouts>;
}

const DELETED = 'its interface was deleted';
const NO_NAMESPACE = 'its namespace is gone';

async function located(
  endpoint: Endpoint,
  _links: ReadonlySet<string>,
  how?: { closely: boolean },
): Promise<Whereabouts> {
  const path = await locateNetns(endpoint.netns);
  if (path === undefined) return { gone: NO_NAMESPACE };
  const isDoubtful = how?.closely === true || path !== endpoint.netns.path;
  if (isDoubtful && !(await isTheSame(endpoint, path))) return { gone: NO_NAMESPACE };
  return { endpoint: atPath(endpoint, path) };
}

/** The kernel gives the inode of a namespace that is gone to the next one that is made. That has no number here (nsid.ts), and not the interface, by whatever name. */
async function isTheSame({ mac, netns }: Endpoint, path: string): Promise<boolean> {
  if (path === netns.path && (await nsidOf(path)) !== undefined) return true;
  return (await listLinks(path)).some(({ address }) => address === mac);
}

function atPath(endpoint: Endpoint, path: string): Endpoint {
  const { netns } = endpoint;
  return path === netns.path ? endpoint : { ...endpoint, netns: { ...netns, path } };
}

const bridge: Attachment = {
  hasPort: false,
  make: attachByBridge,
  remove: detachFromBridge,
  reflect,
  restore: async (endpoint, network) => ((await restoreOnBridge(endpoint, network)) ? undefined : 'gone'),
  // The host's end of the pair lives exactly as long as the other end's namespace: while it is there, so is the
  // endpoint, and there is nothing to ask the kernel for.
  isThere: ({ hostLink }, links) => links.has(hostLink) || undefined,
  // That a new namespace has the same inode cannot feign a pair.
  async locate(endpoint, links) {
    if (!links.has(endpoint.hostLink)) return { gone: DELETED };
    const path = await locateNetns(endpoint.netns);
    return { endpoint: path === undefined ? endpoint : atPath(endpoint, path) };
  },
};

const tap: Attachment = {
  hasPort: true,
  make: attachByTap,
  remove: removeTap,
  restore: async (endpoint, network) => (await restoreTap(endpoint, network)) ?? 'gone',
  reflect: async () => {},
  isThere: () => undefined,
  // A TAP that we hold open keeps its namespace alive: only the holders of the namespace count.
  locate: located,
};

const macvlan: Attachment = {
  hasPort: false,
  make: attachByMacvlan,
  async remove(endpoint) {
    const path = await locateNetns(endpoint.netns);
    if (path !== undefined) await detachMacvlan(atPath(endpoint, path));
  },
  restore: async endpoint => ((await restoreMacvlan(endpoint)) ? undefined : 'gone'),
  reflect: async () => {},
  isThere: () => undefined,
  locate: located,
};

/** Nothing is made: the container has the interfaces of the VM. */
const host: Attachment = {
  hasPort: false,
  make: async () => undefined,
  remove: async () => {},
  restore: async () => undefined,
  reflect: async () => {},
  isThere: () => undefined,
  // The namespace is that of the VM, which stays; what ends is the process by which it was named.
  async locate(endpoint) {
    const { netns } = endpoint;
    const inode = await netnsInode(netns.path).catch(() => undefined);
    return inode === netns.inode ? { endpoint } : { gone: 'its process is gone' };
  },
};

const ATTACHMENTS: Readonly<Record<AttachKind, Attachment>> = { bridge, tap, macvlan, host };

/** In front of the others: the runtime moves the interface, so nothing is done with it before it is looked for. */
function handedOver(inner: Attachment): Attachment {
  return {
    ...inner,
    isThere: (endpoint, links) => (isAwaited(endpoint) ? undefined : inner.isThere(endpoint, links)),
    async locate(endpoint, links) {
      const found = await locateHandedOver(endpoint, links);
      return found === undefined ? { gone: DELETED } : { endpoint: found };
    },
    async remove(endpoint) {
      await inner.remove((await locateHandedOver(endpoint, await ownLinkNames())) ?? endpoint);
    },
  };
}

/** In front of one that keeps to rates. */
function shaped(inner: Attachment): Attachment {
  const shapeOrClose = async (endpoint: Endpoint, device: TapDevice | undefined) => {
    try {
      await shape(endpoint);
    } catch (error) {
      if (device !== undefined) closeTap(device);
      throw error;
    }
  };
  const remove = async (endpoint: Endpoint) => {
    try {
      await unshape(endpoint);
    } finally {
      await inner.remove(endpoint);
    }
  };
  return {
    ...inner,
    remove,
    async make(endpoint, network) {
      const device = await inner.make(endpoint, network);
      try {
        await shapeOrClose(endpoint, device);
      } catch (error) {
        // Whatever goes wrong here, the reason of the attachment is what counts.
        await remove(endpoint).catch(() => {});
        throw error;
      }
      return device;
    },
    async restore(endpoint, network) {
      const device = await inner.restore(endpoint, network);
      if (device !== 'gone') await shapeOrClose(endpoint, device);
      return device;
    },
  };
}

export function attachmentOf({
  attach,
  bandwidth,
  handover,
}: Pick<Endpoint, 'attach' | 'bandwidth' | 'handover'>): Attachment {
  const attachment = ATTACHMENTS[attach];
  if (handover !== undefined) return handedOver(attachment);
  return bandwidth === undefined ? attachment : shaped(attachment);
}
