/**
 * Finds what is known of a station from the MAC address of a frame, with no allocation: a hash table with open addressing in
 * typed arrays. A `Map` cannot do that, for a MAC address does not fit the small integers of V8 (31 or 32 bits), and each
 * key that does not is put on the heap. So here an address is two numbers of 24 bits, `high` and `low`.
 */
import { type MacAddress, macHigh, macLow } from './address.ts';

const FIRST_SLOTS = 64;

export class StationIndex<V> {
  private readonly seed: number;
  private high = new Int32Array(FIRST_SLOTS);
  private low = new Int32Array(FIRST_SLOTS);
  /** undefined: the slot is free. */
  private values: (V | undefined)[] = new Array(FIRST_SLOTS).fill(undefined);
  private used = 0;

  /** `seed`: 32 random bits, so that nobody who chooses addresses can choose where they fall. */
  constructor(options: { readonly seed: number }) {
    this.seed = options.seed | 0;
  }

  get size(): number {
    return this.used;
  }

  find(high: number, low: number): V | undefined {
    return this.values[this.slotOf(high, low)];
  }

  set(mac: MacAddress, value: V): void {
    // At most half full: a search meets a free slot after one or two others.
    if (this.used * 2 >= this.high.length) this.grow();
    this.put(macHigh(mac), macLow(mac), value);
  }

  /** Returns whether it was there. */
  delete(mac: MacAddress): boolean {
    const mask = this.high.length - 1;
    let free = this.slotOf(macHigh(mac), macLow(mac));
    if (this.values[free] === undefined) return false;
    this.used--;
    this.values[free] = undefined;
    // What stands behind it may have been pushed there by it: it moves up, unless it would come before its own place.
    for (let slot = (free + 1) & mask; this.values[slot] !== undefined; slot = (slot + 1) & mask) {
      const home = this.home(this.high[slot] as number, this.low[slot] as number);
      if (((slot - home) & mask) < ((slot - free) & mask)) continue;
      this.high[free] = this.high[slot] as number;
      this.low[free] = this.low[slot] as number;
      this.values[free] = this.values[slot];
      this.values[slot] = undefined;
      free = slot;
    }
    return true;
  }

  /** The slot of the address, or the free one where it belongs. */
  private slotOf(high: number, low: number): number {
    const mask = this.high.length - 1;
    let slot = this.home(high, low);
    while (this.values[slot] !== undefined && (this.low[slot] !== low || this.high[slot] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  /** Two rounds of the MurmurHash3 finalizer (Austin Appleby, public domain). */
  private home(high: number, low: number): number {
    let hash = Math.imul(low ^ this.seed, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ high, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (this.high.length - 1);
  }

  private put(high: number, low: number, value: V): void {
    const slot = this.slotOf(high, low);
    if (this.values[slot] === undefined) this.used++;
    this.high[slot] = high;
    this.low[slot] = low;
    this.values[slot] = value;
  }

  private grow(): void {
    const { high, low, values } = this;
    this.high = new Int32Array(2 * high.length);
    this.low = new Int32Array(2 * high.length);
    this.values = new Array(2 * high.length).fill(undefined);
    this.used = 0;
    values.forEach((value, slot) => {
      if (value !== undefined) this.put(high[slot] as number, low[slot] as number, value);
    });
  }
}
