/**
 * Finds what is known of an IP address from the words of a frame or descriptor, with no allocation: a `Map` from 32-bit
 * keys, which V8 keeps as small integers, to all addresses that mix to the same key. Words are signed 32-bit numbers; of an
 * IPv4 address only the first is used, and the others must be 0.
 */
import { type IpAddress, ipFamily, ipToBytes } from './address.ts';

interface Slot<V> {
  readonly address: IpAddress;
  readonly family: 4 | 6;
  readonly words: Int32Array;
  readonly value: V;
}

export class AddressIndex<V> {
  private readonly seed: number;
  private readonly byKey = new Map<number, readonly Slot<V>[]>();

  /** `seed`: 32 random bits, so that nobody who chooses addresses can choose which fall together. */
  constructor(options: { readonly seed: number }) {
    this.seed = options.seed | 0;
  }

  find(family: number, a: number, b: number, c: number, d: number): V | undefined {
    const slots = this.byKey.get(mixAddress(family ^ this.seed, a, b, c, d));
    if (slots === undefined) return undefined;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot<V>;
      const { words } = slot;
      if (slot.family === family && words[0] === a && words[1] === b && words[2] === c && words[3] === d) {
        return slot.value;
      }
    }
    return undefined;
  }

  get(address: IpAddress): V | undefined {
    const [a = 0, b = 0, c = 0, d = 0] = addressWords(address);
    return this.find(ipFamily(address), a, b, c, d);
  }

  set(address: IpAddress, value: V): void {
    this.delete(address);
    const slot = { address, family: ipFamily(address), words: addressWords(address), value };
    const key = this.keyOf(slot);
    this.byKey.set(key, [...(this.byKey.get(key) ?? []), slot]);
  }

  delete(address: IpAddress): void {
    const key = this.keyOf({ family: ipFamily(address), words: addressWords(address) });
    const rest = (this.byKey.get(key) ?? []).filter(slot => slot.address !== address);
    if (rest.length === 0) this.byKey.delete(key);
    else this.byKey.set(key, rest);
  }

  private keyOf({ family, words }: Pick<Slot<V>, 'family' | 'words'>): number {
    const [a = 0, b = 0, c = 0, d = 0] = words;
    return mixAddress(family ^ this.seed, a, b, c, d);
  }
}

/** The 4 words of an address in network byte order, signed; for IPv4 only the first is not 0. */
export function addressWords(address: IpAddress): Int32Array {
  const bytes = new Uint8Array(16);
  bytes.set(ipToBytes(address));
  const view = new DataView(bytes.buffer);
  return Int32Array.from([0, 4, 8, 12], at => view.getInt32(at));
}

/** A 32-bit key (a small integer to V8, so a cheap map key). Two addresses may share one. */
export function mixAddress(family: number, a: number, b: number, c: number, d: number): number {
  let key = Math.imul(family ^ a, 0x9e3779b1);
  key = Math.imul(key ^ (key >>> 15) ^ b, 0x85ebca6b);
  key = Math.imul(key ^ (key >>> 13) ^ c, 0xc2b2ae35);
  key = Math.imul(key ^ (key >>> 16) ^ d, 0x27d4eb2f);
  return (key ^ (key >>> 15)) | 0;
}
