/**
 * The VTEPs that get a copy of each broadcast, unknown-unicast and multicast frame of one VNI: head-end replication,
 * called ingress replication in RFC 7432 section 12.2. It stands in for the multicast group of RFC 7348 section 4.2,
 * which cloud networks do not carry.
 */
import type { VtepAddress } from './address.ts';

/** Who says that a VTEP belongs to the VNI. It stays in the list as long as one of them says so. */
export type FloodSource = 'gossip' | 'static';

interface Member<V> {
  vtep: V;
  readonly sources: Set<FloodSource>;
}

export class FloodList<V extends { readonly address: VtepAddress }> {
  private readonly own: VtepAddress;
  private readonly members = new Map<VtepAddress, Member<V>>();
  private list: readonly V[] = [];
  private silent: readonly V[] = [];
  private telling: ReadonlySet<VtepAddress> = new Set();

  /** `own`: the address of this node's VTEP, which is never in the list, whoever says so. */
  constructor(options: { readonly own: VtepAddress }) {
    this.own = options.own;
  }

  /** The members in the order in which they came. The same array until the membership changes: keep no copy. */
  vteps(): readonly V[] {
    return this.list;
  }

  /** Those that do not tell what they have: what is behind them is known from their frames alone. */
  silentVteps(): readonly V[] {
    return this.silent;
  }

  /** What this source says, each with whether it tells what it has. */
  saidBy(source: FloodSource): { readonly vtep: V; readonly tells: boolean }[] {
    const said = [...this.members.values()].filter(({ sources }) => sources.has(source));
    return said.map(({ vtep }) => ({ vtep, tells: this.telling.has(vtep.address) }));
  }

  /** The member at this address. */
  get(address: VtepAddress): V | undefined {
    return this.members.get(address)?.vtep;
  }

  /** Whether this very object is a member. */
  has(vtep: V): boolean {
    return this.members.get(vtep.address)?.vtep === vtep;
  }

  /** Returns whether the list changed. A new object for an address that is there takes the place of the old one. */
  add(vtep: V, source: FloodSource): boolean {
    if (vtep.address === this.own) return false;
    const member = this.members.get(vtep.address);
    if (member === undefined) {
      this.members.set(vtep.address, { vtep, sources: new Set([source]) });
      return this.changed();
    }
    member.sources.add(source);
    if (member.vtep === vtep) return false;
    member.vtep = vtep;
    return this.changed();
  }

  /** Puts `vtep` in the place of the member with its address, if there is one. Returns whether the list changed. */
  repoint(vtep: V): boolean {
    const member = this.members.get(vtep.address);
    if (member === undefined || member.vtep === vtep) return false;
    member.vtep = vtep;
    return this.changed();
  }

  /** Takes back what `source` said about the VTEP at `address`. Returns whether the list changed. */
  remove(address: VtepAddress, source: FloodSource): boolean {
    return this.withdraw(address, source) && this.changed();
  }

  /** Makes `vteps` all that `source` says: adds what is new, removes what is gone. Returns whether the list changed. */
  replace(source: FloodSource, vteps: Iterable<V>): boolean {
    let changed = false;
    const kept = new Set<VtepAddress>();
    for (const vtep of vteps) {
      kept.add(vtep.address);
      if (this.add(vtep, source)) changed = true;
    }
    for (const address of this.members.keys()) {
      if (!kept.has(address) && this.withdraw(address, source)) changed = true;
    }
    return changed && this.changed();
  }

  /** Which of them tell what they have; all others are silent. */
  setTelling(addresses: Iterable<VtepAddress>): void {
    this.telling = new Set(addresses);
    this.renewSilent();
  }

  private withdraw(address: VtepAddress, source: FloodSource): boolean {
    const member = this.members.get(address);
    if (member === undefined || !member.sources.delete(source)) return false;
    return member.sources.size === 0 && this.members.delete(address);
  }

  private changed(): true {
    this.list = Array.from(this.members.values(), member => member.vtep);
    this.renewSilent();
    return true;
  }

  private renewSilent(): void {
    this.silent = this.list.filter(({ address }) => !this.telling.has(address));
  }
}
