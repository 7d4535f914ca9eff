/** What the kernel tells of by itself: links, addresses, routes and rules that were changed or deleted (native/kernel-news.h). Costs nothing while nothing happens. */
import { batchIo } from './native/batch-io.ts';
import { systemError } from './native/system-error.ts';

/** In the order of enum news_kind. */
const KINDS = ['lost', 'link', 'no-link', 'address', 'route', 'nsid', 'rules'] as const;

/** One piece of news; what it says nothing of is 0 or empty. */
export interface KernelNews {
  /**
   * `lost`: more came than could be held, anything may have happened; `link`: made or changed; `no-link`: deleted or moved away; `address`,
   * `route`, `rules`: deleted; `nsid`: that namespace is gone.
   */
  readonly kind: (typeof KINDS)[number];
  /** Number of the namespace in ours (ip-netns(8), nsid); undefined: our own. */
  readonly nsid: number | undefined;
  readonly isUp: boolean;
  readonly mtu: number;
  /** Index of the bridge that it is a port of; 0: none. */
  readonly master: number;
  /** Of the link, where the kernel says it and in our own namespace always; of `rules`: of their table. */
  readonly name: string;
}

// native/kernel-news.h, struct news.
const SIZE = 40;
const NSID = 4;
const FLAGS = 12;
const MTU = 16;
const MASTER = 20;
const NAME = 24;
/** linux/if.h. */
const IFF_UP = 1;

export function readKernelNews(bytes: Buffer): KernelNews[] {
  const news: KernelNews[] = [];
  for (let at = 0; at + SIZE <= bytes.length; at += SIZE) {
    const nsid = bytes.readInt32LE(at + NSID);
    news.push({
      kind: KINDS[bytes.readInt32LE(at)] ?? 'lost',
      nsid: nsid < 0 ? undefined : nsid,
      isUp: (bytes.readUInt32LE(at + FLAGS) & IFF_UP) !== 0,
      mtu: bytes.readUInt32LE(at + MTU),
      master: bytes.readInt32LE(at + MASTER),
      name: bytes.toString('utf8', at + NAME, at + SIZE).split('\0', 1)[0] ?? '',
    });
  }
  return news;
}

/**
 * Hears of changes in the namespace of the process and, with CAP_NET_BROADCAST, in those of its containers, until it is closed. Keeps no process
 * alive. Throws `system`.
 */
export function watchKernel(onNews: (news: readonly KernelNews[]) => void): { close(): void } {
  const handle = batchIo.openKernelNews(bytes => onNews(readKernelNews(bytes)));
  if (typeof handle === 'number') throw systemError('cannot listen to the kernel', -handle);
  let isOpen = true;
  return {
    close() {
      // The addon frees it once the loop has let go of it.
      if (isOpen) batchIo.closeKernelNews(handle);
      isOpen = false;
    },
  };
}
