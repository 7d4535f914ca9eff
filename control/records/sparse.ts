/**
 * A map and a set that take next to no memory while they are empty: a large pool leaves a node with hundreds of sessions, most of them
 * at rest, and an empty Map or Set takes 200 bytes.
 */
export class SparseMap<K, V> {
  private map: Map<K, V> | undefined;

  get size(): number {
    return this.map?.size ?? 0;
  }

  get(key: K): V | undefined {
    return this.map?.get(key);
  }

  set(key: K, value: V): void {
    this.map = (this.map ?? new Map<K, V>()).set(key, value);
  }

  delete(key: K): void {
    this.map?.delete(key);
    if (this.map?.size === 0) this.map = undefined;
  }

  clear(): void {
    this.map = undefined;
  }

  /** As with a Map, entries may be set and deleted meanwhile. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return (this.map ?? new Map<K, V>()).entries();
  }
}

export class SparseSet<T> {
  private set: Set<T> | undefined;

  has(item: T): boolean {
    return this.set?.has(item) ?? false;
  }

  add(item: T): void {
    this.set = (this.set ?? new Set<T>()).add(item);
  }

  delete(item: T): void {
    this.set?.delete(item);
    if (this.set?.size === 0) this.set = undefined;
  }
}
