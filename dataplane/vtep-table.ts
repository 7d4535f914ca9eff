/**
 * The VTEPs we know. Each is one object, so that the rest of the dataplane compares them by identity; a received frame
 * finds its VTEP from the address words of its descriptor, with no allocation and no text.
 */
import { ipFamily, ipToBytes, type VtepAddress } from './address.ts';
import { mixAddress } from './address-index.ts';
import type { FrameBatch } from './frame-batch.ts';

/**
 * A VXLAN tunnel end point on another machine. {@link VtepTable.intern} makes one object for each, so that identity means
 * equality.
 */
export class Vtep {
  readonly address: VtepAddress;
  readonly family: 4 | 6;
  /** The UDP port it listens on. What it sends comes from other ports. */
  readonly port: number;
  /** The 4 words of the address as `FrameBatch.addressWord` reads them; for IPv4 only the first is not 0. */
  readonly words: Int32Array<ArrayBuffer>;
  /** How frames reach it past the sockets: place of its next hop in the port's list, from 1; 0: by the sockets. */
  nextHop = 0;
  /** What the forwarding table holds for a MAC behind this VTEP: one object, so that a lookup makes none. */
  readonly destination: { readonly kind: 'vtep'; readonly vtep: Vtep };

  constructor(address: VtepAddress, port: number) {
    this.address = address;
    this.family = ipFamily(address);
    this.port = port;
    const bytes = new Uint8Array(16);
    bytes.set(ipToBytes(address));
    this.words = new Int32Array(bytes.buffer);
    this.destination = { kind: 'vtep', vtep: this };
  }

  /** Makes this VTEP the destination of descriptor `i`: its family, address, port and next hop. */
  writeTo(batch: FrameBatch, i: number): void {
    const words = this.words;
    batch.setFamily(i, this.family);
    batch.setPort(i, this.port);
    batch.setNextHop(i, this.nextHop);
    for (let word = 0; word < 4; word++) batch.setAddressWord(i, word, words[word] as number);
  }
}

export class VtepTable {
  private readonly byAddress = new Map<VtepAddress, Vtep>();
  /** All VTEPs whose words mix to the same key; nearly always one. */
  private readonly byKey = new Map<number, readonly Vtep[]>();
  /** Bulk traffic comes in runs from one VTEP. */
  private last: Vtep | undefined;

  /**
   * The one object for this address and port, made at the first call. A packet's source does not tell two VTEPs of one
   * address apart: another port is the same VTEP started anew, and takes the place of the former object.
   */
  intern(address: VtepAddress, port: number): Vtep {
    const known = this.byAddress.get(address);
    if (known?.port === port) return known;
    if (known !== undefined) this.remove(address);
    const vtep = new Vtep(address, port);
    this.byAddress.set(address, vtep);
    const key = keyOf(vtep);
    this.byKey.set(key, [...(this.byKey.get(key) ?? []), vtep]);
    return vtep;
  }

  get(address: VtepAddress): Vtep | undefined {
    return this.byAddress.get(address);
  }

  /** Forgets the VTEP; frames from its address are then from nobody we know. Returns whether it was there. */
  remove(address: VtepAddress): boolean {
    const vtep = this.byAddress.get(address);
    if (vtep === undefined) return false;
    this.byAddress.delete(address);
    if (this.last === vtep) this.last = undefined;
    const key = keyOf(vtep);
    const rest = (this.byKey.get(key) ?? []).filter(other => other !== vtep);
    if (rest.length === 0) this.byKey.delete(key);
    else this.byKey.set(key, rest);
    return true;
  }

  /** The VTEP that frame `i` came from, or undefined when we know none at its address. Allocates nothing. */
  find(batch: FrameBatch, i: number): Vtep | undefined {
    const last = this.last;
    if (last !== undefined && isFrom(last, batch, i)) return last;
    const family = batch.family(i);
    const candidates = this.byKey.get(
      family === 4
        ? mixAddress(4, batch.addressWord(i, 0), 0, 0, 0)
        : mixAddress(
            family,
            batch.addressWord(i, 0),
            batch.addressWord(i, 1),
            batch.addressWord(i, 2),
            batch.addressWord(i, 3),
          ),
    );
    if (candidates === undefined) return undefined;
    for (let c = 0; c < candidates.length; c++) {
      const vtep = candidates[c];
      if (vtep !== undefined && isFrom(vtep, batch, i)) {
        this.last = vtep;
        return vtep;
      }
    }
    return undefined;
  }

  values(): IterableIterator<Vtep> {
    return this.byAddress.values();
  }

  get size(): number {
    return this.byAddress.size;
  }
}

function isFrom(vtep: Vtep, batch: FrameBatch, i: number): boolean {
  const words = vtep.words;
  if (vtep.family !== batch.family(i) || words[0] !== batch.addressWord(i, 0)) return false;
  // Behind an IPv4 address a descriptor may hold anything.
  if (vtep.family === 4) return true;
  return (
    words[1] === batch.addressWord(i, 1) &&
    words[2] === batch.addressWord(i, 2) &&
    words[3] === batch.addressWord(i, 3)
  );
}

function keyOf(vtep: Vtep): number {
  const [a = 0, b = 0, c = 0, d = 0] = vtep.words;
  return mixAddress(vtep.family, a, b, c, d);
}
