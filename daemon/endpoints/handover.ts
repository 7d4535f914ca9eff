/**
 * Endpoints whose runtime takes the interface into the container itself, as Docker does: weft makes the link in the namespace of the VM, and the
 * runtime moves, renames and addresses it when it likes. Nobody says when it has: it is looked for.
 *
 *   prepared (in the VM, `handover`) ──► adopted (in the container, known by its MAC) ──► back in the VM when the container is gone
 */
import { listLinks } from '../net/ip.ts';
import { netnsInode } from '../net/netns.ts';
import type { AttachRequest } from '../operations.ts';
import type { Endpoint } from './endpoint.ts';
import { handoverLinkName, handoverPeerName } from './names.ts';

/** An attachment of which the runtime does the last steps. */
export interface HandoverRequest extends Omit<AttachRequest, 'netns' | 'ifname'> {
  readonly handover: {
    /** What the runtime knows the attachment by. */
    readonly id: string;
    /** The file that stands for the namespace of the container once there is one. */
    readonly sandbox: string;
  };
  /** Who holds the addresses; undefined: they are taken now, if the network gives them. */
  readonly leases: readonly string[] | undefined;
}

/** Where the interface of the request begins. */
export function handoverPlace(
  { handover: { id, sandbox }, leases }: HandoverRequest,
  { attach }: { readonly attach: 'bridge' | 'tap' },
): Pick<Endpoint, 'netns' | 'ifname' | 'hostLink' | 'handover' | 'leases'> {
  const hostLink = handoverLinkName(attach, id);
  const handover = attach === 'bridge' ? handoverPeerName(hostLink) : hostLink;
  return {
    netns: { name: sandbox, path: sandbox, inode: 0 },
    ifname: handover,
    hostLink,
    handover,
    ...(leases !== undefined && { leases: [...leases] }),
  };
}

/** Whether it is time to look where the interface is: it has not been seen in its container. */
export function isAwaited({ handover, netns }: Endpoint): boolean {
  return handover !== undefined && netns.inode === 0;
}

/**
 * The endpoint with the place that its interface has now, the same object if it is where it was; undefined: it is gone. `links`: the names of the
 * links of the VM.
 */
export async function locateHandedOver(
  endpoint: Endpoint,
  links: ReadonlySet<string>,
): Promise<Endpoint | undefined> {
  const { attach, handover = '', hostLink, ifname, mac, netns } = endpoint;
  if (attach === 'bridge' && !links.has(hostLink)) return undefined;
  if (links.has(handover)) {
    if (netns.inode === 0 && ifname === handover) return endpoint;
    return { ...endpoint, ifname: handover, netns: { ...netns, inode: 0 } };
  }
  // The other end of a pair that is there lives somewhere.
  const elsewhere = attach === 'bridge' ? endpoint : undefined;
  const inode = await netnsInode(netns.path).catch(() => undefined);
  if (inode === undefined) return elsewhere;
  if (inode === netns.inode) return endpoint;
  const link = (await listLinks(netns.path)).find(({ address }) => address === mac);
  return link === undefined ? elsewhere : { ...endpoint, ifname: link.ifname, netns: { ...netns, inode } };
}
