/** Which endpoints a namespace number of the kernel stands for. Asked for when a number comes that is not known, and not again. */
import type { Endpoint } from '../endpoints/endpoint.ts';

type Place = Pick<Endpoint, 'netns'>;

export class NamespaceNumbers {
  private readonly nsidOf: (path: string) => Promise<number | undefined>;
  /** Number to inode, and the inodes that are in it. */
  private readonly inodes = new Map<number, number>();
  private readonly known = new Set<number>();

  constructor(modules: { readonly nsidOf: (path: string) => Promise<number | undefined> }) {
    this.nsidOf = modules.nsidOf;
  }

  /** Inode of the namespace; undefined: not one of ours, as far as is known. */
  inodeOf(nsid: number): number | undefined {
    return this.inodes.get(nsid);
  }

  /** Whether asking could tell more. */
  isIncomplete(endpoints: readonly Place[]): boolean {
    return endpoints.some(({ netns }) => netns.inode !== 0 && !this.known.has(netns.inode));
  }

  /** Those that cannot be asked now are asked next time. */
  async learn(endpoints: readonly Place[]): Promise<void> {
    for (const { netns } of endpoints) {
      if (netns.inode === 0 || this.known.has(netns.inode)) continue;
      const nsid = await this.nsidOf(netns.path).catch(() => undefined);
      if (nsid === undefined) continue;
      this.forget(nsid);
      this.inodes.set(nsid, netns.inode);
      this.known.add(netns.inode);
    }
  }

  /** The namespace is gone, and its number will be another's. */
  forget(nsid: number): void {
    const inode = this.inodes.get(nsid);
    if (inode === undefined) return;
    this.inodes.delete(nsid);
    this.known.delete(inode);
  }

  /** Keeps those that are still there. */
  prune(endpoints: readonly Place[]): void {
    const present = new Set(endpoints.map(({ netns }) => netns.inode));
    for (const [nsid, inode] of this.inodes) if (!present.has(inode)) this.forget(nsid);
  }
}
