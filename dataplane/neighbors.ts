/**
 * Which station has an IP address of a network: by the claims of other nodes, and by what was attached here. ARP and ND are
 * answered from it (neighbor-responder.ts). Several stations may have one address, at least until the news of a withdrawal
 * is here: one attached here comes first, then the claim that came last, for the newest is what RFC 826 and RFC 4861
 * believe too.
 */
import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type IpAddress, type MacAddress, macHigh, macLow } from './address.ts';
import { AddressIndex } from './address-index.ts';

/** One object for each station: compared by identity. */
export interface Neighbor {
  readonly mac: MacAddress;
  /** The halves of the address: numbers that the frame path can read without the heap. */
  readonly high: number;
  readonly low: number;
  /** Attached here: it answers for itself. */
  readonly isLocal: boolean;
}

/** An address that another station has now than the one that was last told to local containers. */
export interface MovedAddress {
  readonly address: IpAddress;
  readonly mac: MacAddress;
}

/** Addresses of which is kept who had them last, also when nobody has them any more: 150 bytes each. */
const REMEMBERED = 16_384;

export function neighborOf(mac: MacAddress, isLocal: boolean): Neighbor {
  return { mac, high: macHigh(mac), low: macLow(mac), isLocal };
}

export class Neighbors {
  private readonly index = new AddressIndex<readonly Neighbor[]>({ seed: randomInt(2 ** 32) });
  private readonly last = new LRUCache<IpAddress, MacAddress>({ max: REMEMBERED });
  private readonly moved = new Map<IpAddress, MacAddress>();

  /** Who has the address, the one to be believed first; undefined: nobody. Words as of address-index.ts. Allocates nothing. */
  find(family: number, a: number, b: number, c: number, d: number): readonly Neighbor[] | undefined {
    return this.index.find(family, a, b, c, d);
  }

  add(address: IpAddress, neighbor: Neighbor): void {
    const others = (this.index.get(address) ?? []).filter(other => other !== neighbor);
    const locals = others.filter(({ isLocal }) => isLocal);
    const claimed = others.filter(({ isLocal }) => !isLocal);
    const all = neighbor.isLocal ? [neighbor, ...others] : [...locals, neighbor, ...claimed];
    this.index.set(address, all);
    this.noteFirst(address, all);
  }

  remove(address: IpAddress, neighbor: Neighbor): void {
    const rest = (this.index.get(address) ?? []).filter(other => other !== neighbor);
    if (rest.length === 0) this.index.delete(address);
    else this.index.set(address, rest);
    this.noteFirst(address, rest);
  }

  /** The addresses that local containers may still take for another station's, each once. */
  takeMoved(): readonly MovedAddress[] {
    const moved = Array.from(this.moved, ([address, mac]) => ({ address, mac }));
    this.moved.clear();
    return moved;
  }

  private noteFirst(address: IpAddress, [first]: readonly Neighbor[]): void {
    if (first === undefined) {
      this.moved.delete(address);
      return;
    }
    const before = this.last.get(address);
    if (before === first.mac) return;
    this.last.set(address, first.mac);
    // What is attached here is heard here, and an announcement in its name would mislead the bridge that it is on.
    if (before !== undefined && !first.isLocal) this.moved.set(address, first.mac);
    else this.moved.delete(address);
  }
}
