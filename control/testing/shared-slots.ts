/**
 * The slots of a member table in a pool whose nodes all start with the same members: the list is held once, and each node holds how
 * its own differs from it. With {@link OwnSlots} ten thousand nodes would hold a hundred million members.
 */
import { type Contact, NO_CONTACT } from '../contact.ts';
import { endpointKey } from '../endpoint.ts';
import type { MemberSlots } from '../member-slots.ts';
import type { Member } from '../members.ts';

/** What all nodes start with. */
export class SharedMembers {
  readonly members: readonly Member[];
  readonly positions: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<string, string>;

  constructor(members: Iterable<Member>) {
    this.members = [...members];
    this.positions = new Map(this.members.map(({ name }, position) => [name, position]));
    this.names = new Map(this.members.map(member => [endpointKey(member), member.name]));
  }
}

export class SharedSlots implements MemberSlots {
  size: number;
  private readonly shared: SharedMembers;
  /** By position: what is another one than in the shared list, or beyond its end. */
  private readonly members = new Map<number, Member>();
  /** undefined: no longer there. */
  private readonly positions = new Map<string, number | undefined>();
  private readonly names = new Map<string, string | undefined>();
  /** NaN: not yet. */
  private seen: Float64Array;
  /** Of the few that were probed. */
  private readonly contacts = new Map<number, Contact>();

  constructor(shared: SharedMembers) {
    this.shared = shared;
    this.size = shared.members.length;
    this.seen = new Float64Array(this.size).fill(Number.NaN);
  }

  find(name: string): number | undefined {
    const own = this.positions.get(name);
    return own !== undefined || this.positions.has(name) ? own : this.shared.positions.get(name);
  }

  at(position: number): Member {
    return this.members.get(position) ?? (this.shared.members[position] as Member);
  }

  add(member: Member): void {
    const position = this.size++;
    if (this.size > this.seen.length) {
      const longer = new Float64Array(this.size + 64).fill(Number.NaN);
      longer.set(this.seen);
      this.seen = longer;
    }
    this.seen[position] = Number.NaN;
    this.members.set(position, member);
    this.positions.set(member.name, position);
  }

  replace(position: number, member: Member): void {
    this.members.set(position, member);
  }

  remove(position: number): void {
    const last = this.size - 1;
    this.positions.set(this.at(position).name, undefined);
    const contact = this.contacts.get(last);
    this.contacts.delete(position);
    if (position < last) {
      const moved = this.at(last);
      this.members.set(position, moved);
      this.positions.set(moved.name, position);
      this.seen[position] = this.seen[last] ?? Number.NaN;
      if (contact !== undefined) this.contacts.set(position, contact);
    }
    this.members.delete(last);
    this.contacts.delete(last);
    this.size = last;
  }

  nameAt(endpoint: string): string | undefined {
    const own = this.names.get(endpoint);
    return own !== undefined || this.names.has(endpoint) ? own : this.shared.names.get(endpoint);
  }

  setNameAt(endpoint: string, name: string): void {
    if (this.nameAt(endpoint) !== name) this.names.set(endpoint, name);
  }

  deleteNameAt(endpoint: string): void {
    this.names.set(endpoint, undefined);
  }

  lastSeen(position: number): number | null {
    const seen = this.seen[position] ?? Number.NaN;
    return Number.isNaN(seen) ? null : seen;
  }

  see(position: number, now: number): void {
    this.seen[position] = now;
  }

  contact(position: number): Contact {
    return this.contacts.get(position) ?? NO_CONTACT;
  }

  setContact(position: number, contact: Contact): void {
    this.contacts.set(position, contact);
  }
}
