/**
 * The board: what nodes of the pool tell all others, whatever networks these carry. Each node writes posts of its own, under keys of
 * its own choice, and reads those of everybody. They travel as records (kind 4) of a log that belongs to no network: VNI 0, which
 * no network has (dataplane/address.ts), and which every node with a record log carries.
 *
 * What is posted outlives its author: of a node that is dead it can be read on for 24 h. Whoever needs it longer posts it himself.
 */
import type { Vni } from '../../dataplane/address.ts';
import { type LogRecord, RECORD_KIND } from './record.ts';

/** In the place of a VNI: the pool as a whole. */
export const POOL_SCOPE = 0 as Vni;

export interface Post {
  /** Who says so. */
  readonly origin: string;
  /** 1 to 64 bytes of UTF-8. */
  readonly key: string;
  /** At most 1,024 bytes. Of another node: not to be trusted to have any form. */
  readonly body: Uint8Array;
}

/** Told of each post that is there in another version, ours included; `body` undefined: it is gone. */
export type OnPost = (origin: string, key: string, body: Uint8Array | undefined) => void;

/** What is on the board at present. */
export class Board {
  private readonly onPost: OnPost;
  private readonly byOrigin = new Map<string, Map<string, Uint8Array>>();

  constructor(options: { readonly onPost: OnPost }) {
    this.onPost = options.onPost;
  }

  *posts(): Generator<Post> {
    for (const [origin, posts] of this.byOrigin) for (const [key, body] of posts) yield { origin, key, body };
  }

  find(origin: string, key: string): Uint8Array | undefined {
    return this.byOrigin.get(origin)?.get(key);
  }

  /** A record of the log of the pool is shown in this version; undefined: no longer. Other kinds than posts are passed over. */
  update(origin: string, id: string, record: LogRecord | undefined): void {
    if (id.charCodeAt(0) !== RECORD_KIND.post) return;
    const key = Buffer.from(id.slice(1), 'latin1').toString('utf8');
    if (record !== undefined && !record.deleted) this.set(origin, key, record.body);
    else this.remove(origin, key);
  }

  /** All that an origin has posted is erased. */
  forget(origin: string): void {
    for (const key of this.byOrigin.get(origin)?.keys() ?? []) this.remove(origin, key);
  }

  private set(origin: string, key: string, body: Uint8Array): void {
    const posts = this.byOrigin.get(origin) ?? new Map<string, Uint8Array>();
    this.byOrigin.set(origin, posts);
    const known = posts.get(key);
    // A new life of a node says the same again.
    if (known !== undefined && Buffer.compare(known, body) === 0) return;
    posts.set(key, body);
    this.onPost(origin, key, body);
  }

  private remove(origin: string, key: string): void {
    const posts = this.byOrigin.get(origin);
    if (posts?.delete(key) !== true) return;
    if (posts.size === 0) this.byOrigin.delete(origin);
    this.onPost(origin, key, undefined);
  }
}
