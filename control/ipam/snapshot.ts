/** The state of the council in pages: cut by who posts it, put together by who is behind. */
import { createHash } from 'node:crypto';
import { isSameBytes } from './codec.ts';
import { PAGE_BYTES } from './limits.ts';
import type { PagePost } from './posts.ts';

export function cutSnapshot(number: number, bytes: Uint8Array): PagePost[] {
  const count = Math.max(1, Math.ceil(bytes.length / PAGE_BYTES));
  const hash = hashOf(bytes);
  return Array.from({ length: count }, (_, page) => {
    return { number, count, page, hash, data: bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES) };
  });
}

/** The pages that one origin has posted. */
export class PageCollector {
  private readonly pages = new Map<number, PagePost>();
  /** Undefined: to be found out. It is asked for at each step, and changes with pages only. */
  private known: number | undefined;

  put(page: number, post: PagePost | undefined): void {
    this.known = undefined;
    if (post === undefined) this.pages.delete(page);
    else this.pages.set(page, post);
  }

  /** Of which decision all pages are here; -1: of none. */
  get number(): number {
    const first = this.pages.get(0);
    this.known ??= first !== undefined && this.complete(first) ? first.number : -1;
    return this.known;
  }

  /** The whole, if its hash is right. */
  assemble(): Uint8Array | undefined {
    const first = this.pages.get(0);
    if (first === undefined || !this.complete(first)) return undefined;
    const parts = Array.from({ length: first.count }, (_, page) => this.pages.get(page)?.data ?? EMPTY);
    const bytes = Buffer.concat(parts);
    return isSameBytes(hashOf(bytes), first.hash) ? bytes : undefined;
  }

  private complete({ number, count, hash }: PagePost): boolean {
    for (let page = 0; page < count; page++) {
      const post = this.pages.get(page);
      if (post?.number !== number || post.count !== count || !isSameBytes(post.hash, hash)) return false;
    }
    return count > 0;
  }
}

const EMPTY = new Uint8Array(0);

function hashOf(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest().subarray(0, 8);
}
