/** Hashes by which two nodes find out, in 8 bytes, that they know the same; not a defence against a forger. */
import type { Hash } from './frame.ts';
import { HASH_BUCKETS } from './limits.ts';
import type { OriginLog } from './origin-log.ts';

/** FNV-1a over the code units of the name, with another start for each half. */
function nameHash(name: string, start: number): number {
  let hash = start;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return mix(hash, name.length);
}

/** The mixing step of MurmurHash3. */
function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The bucket of an origin, of so many; a power of two. */
export function bucketOf(origin: string, bucketCount: number): number {
  return nameHash(origin, 0x811c9dc5) & (bucketCount - 1);
}

/**
 * The hash of a set of logs, kept up to date as logs change: the exclusive or of a hash of each log's name, epoch and seq, so that
 * the order of changes does not matter. In 256 parts, which fold to fewer.
 */
export class DigestHash {
  private readonly halves = new Uint32Array(2 * HASH_BUCKETS);

  /** Adds a log as it is; once more takes it out again. */
  toggle({ origin, epoch, seq }: OriginLog): void {
    let high = nameHash(origin, 0x811c9dc5);
    let low = nameHash(origin, 0x2f0b4a87);
    const at = 2 * (high & (HASH_BUCKETS - 1));
    for (const value of [
      epoch % 2 ** 32,
      Math.floor(epoch / 2 ** 32),
      seq % 2 ** 32,
      Math.floor(seq / 2 ** 32),
    ]) {
      high = mix(high, value);
      low = mix(low + 0x9e3779b9, value);
    }
    this.halves[at] = (this.halves[at] ?? 0) ^ high;
    this.halves[at + 1] = (this.halves[at + 1] ?? 0) ^ low;
  }

  whole(): Hash {
    return this.folded(1)[0] as Hash;
  }

  /** The hashes of so many buckets, a power of two up to 256. */
  folded(count: number): Hash[] {
    const folded = new Uint32Array(2 * count);
    for (let index = 0; index < this.halves.length; index++) {
      const at = index & (2 * count - 1);
      folded[at] = (folded[at] ?? 0) ^ (this.halves[index] ?? 0);
    }
    return Array.from({ length: count }, (_, index) => [folded[2 * index] ?? 0, folded[2 * index + 1] ?? 0]);
  }
}

export function sameHash(a: Hash, b: Hash): boolean {
  return a[0] === b[0] && a[1] === b[1];
}
