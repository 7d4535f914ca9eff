/**
 * Endpoints whose runtime takes the interface into the container itself, as Docker does: weft makes the link in the namespace of the VM, and the
 * runtime moves, renames and addresses it when it likes. Nobody says when it has: it is looked for.
 *
 *   prepared (in the VM, `handover`) ──► moved (in the container, still `handover`) ──► adopted (in the container, under its name there)
 *        ▲                                                                                       │
 *        └────────────────────────────── the container is gone ◄─────────────────────────────────┘
 */
import { WeftError } from '../../dataplane/errors.ts';
import { listLinks, ownLinkNames } from '../net/ip.ts';
import { netnsInode } from '../net/netns.ts';
import type { AttachRequest } from '../operations.ts';
import type { AttachKind, Endpoint } from './endpoint.ts';
import { handoverLinkName, handoverPeerName } from './names.ts';

/** An attachment of which the runtime does the last steps: among them are its routes. It has no rates. */
export interface HandoverRequest extends Omit<AttachRequest, 'netns' | 'ifname' | 'routes' | 'bandwidth'> {
  readonly handover: {
    /** What the runtime knows the attachment by. */
    readonly id: string;
    /** The file that stands for the namespace of the container once there is one. */
    readonly sandbox: string;
  };
  /** Who holds the addresses; undefined: they are taken now, if the network gives them. */
  readonly leases: readonly string[] | undefined;
}

/** Where the interface of the request begins. Throws `invalid_argument` for a kind that has no interface to hand over. */
export function handoverPlace(
  { handover: { id, sandbox }, leases, network }: Pick<HandoverRequest, 'handover' | 'leases' | 'network'>,
  kind: AttachKind,
): Pick<Endpoint, 'attach' | 'netns' | 'ifname' | 'hostLink' | 'handover' | 'leases'> {
  if (kind !== 'bridge' && kind !== 'tap') {
    throw new WeftError(
      'invalid_argument',
      `network ${network} is of mode ${kind}: its containers are attached by weft itself`,
      {
        hint: 'use a network of mode overlay',
      },
    );
  }
  const hostLink = handoverLinkName(kind, id);
  const handover = kind === 'bridge' ? handoverPeerName(hostLink) : hostLink;
  return {
    attach: kind,
    netns: { name: sandbox, path: sandbox, inode: 0 },
    ifname: handover,
    hostLink,
    handover,
    ...(leases !== undefined && { leases: [...leases] }),
  };
}

/** Whether it is time to look where the interface is: it has not been seen in its container, or not under the name that it is to have there. */
export function isAwaited({ handover, ifname, netns }: Endpoint): boolean {
  return handover !== undefined && (netns.inode === 0 || ifname === handover);
}

/**
 * The endpoint with the place that its interface has now, the same object if it is where it was; undefined: it is gone. `links`: the names of the
 * links of the VM, as they were a moment ago.
 */
export async function locateHandedOver(
  endpoint: Endpoint,
  links: ReadonlySet<string>,
): Promise<Endpoint | undefined> {
  const { attach, hostLink } = endpoint;
  if (attach === 'bridge' && !links.has(hostLink)) return undefined;
  const found = atHome(endpoint, links) ?? (await inContainer(endpoint));
  if (found !== undefined) return found;
  // The other end of a pair that is there lives somewhere.
  if (attach === 'bridge') return endpoint;
  // Since that moment the runtime may have brought it back.
  return atHome(endpoint, await ownLinkNames());
}

function atHome(endpoint: Endpoint, links: ReadonlySet<string>): Endpoint | undefined {
  const { handover = '', ifname, netns } = endpoint;
  if (!links.has(handover)) return undefined;
  if (netns.inode === 0 && ifname === handover) return endpoint;
  return { ...endpoint, ifname: handover, netns: { ...netns, inode: 0 } };
}

/**
 * By its MAC. Between the move and the new name it is there under the old one: whoever took that for its name would not look again, so it
 * stays awaited ({@link isAwaited}).
 */
async function inContainer(endpoint: Endpoint): Promise<Endpoint | undefined> {
  const { ifname, mac, netns } = endpoint;
  const inode = await netnsInode(netns.path).catch(() => undefined);
  if (inode === undefined) return undefined;
  if (inode === netns.inode && !isAwaited(endpoint)) return endpoint;
  const link = (await listLinks(netns.path)).find(({ address }) => address === mac);
  if (link === undefined) return undefined;
  if (inode === netns.inode && link.ifname === ifname) return endpoint;
  return { ...endpoint, ifname: link.ifname, netns: { ...netns, inode } };
}
