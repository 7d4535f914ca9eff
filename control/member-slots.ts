/** Where a member table keeps its members, and what has been seen of each: at positions without gaps. Who is right is decided elsewhere. */
import { type Contact, NO_CONTACT } from './contact.ts';
import type { Member } from './members.ts';

/** All positions are below `size`; those of members do not change but by {@link remove}. */
export interface MemberSlots {
  readonly size: number;
  /** The position of a member. */
  find(name: string): number | undefined;
  at(position: number): Member;
  /** Puts a member of a new name at the end. */
  add(member: Member): void;
  /** Puts another version of the same member there; what was seen of it stays. */
  replace(position: number, member: Member): void;
  /** The last one comes to its place. */
  remove(position: number): void;
  /** Names by endpoint (endpointKey). */
  nameAt(endpoint: string): string | undefined;
  setNameAt(endpoint: string, name: string): void;
  deleteNameAt(endpoint: string): void;
  /** When it has shown itself last; null: not yet. */
  lastSeen(position: number): number | null;
  see(position: number, now: number): void;
  contact(position: number): Contact;
  setContact(position: number, contact: Contact): void;
}

/** In columns, which take a third of the memory of an object for each member. */
export class OwnSlots implements MemberSlots {
  private readonly positions = new Map<string, number>();
  private readonly names = new Map<string, string>();
  private readonly members: Member[] = [];
  /** NaN: not yet. */
  private readonly seen: number[] = [];
  private readonly contacts: Contact[] = [];

  get size(): number {
    return this.members.length;
  }

  find(name: string): number | undefined {
    return this.positions.get(name);
  }

  at(position: number): Member {
    return this.members[position] as Member;
  }

  add(member: Member): void {
    this.positions.set(member.name, this.members.length);
    this.members.push(member);
    this.seen.push(Number.NaN);
    this.contacts.push(NO_CONTACT);
  }

  replace(position: number, member: Member): void {
    this.members[position] = member;
  }

  remove(position: number): void {
    const last = this.members.length - 1;
    this.positions.delete(this.at(position).name);
    if (position < last) {
      const moved = this.at(last);
      this.positions.set(moved.name, position);
      this.members[position] = moved;
      this.seen[position] = this.seen[last] as number;
      this.contacts[position] = this.contact(last);
    }
    this.members.pop();
    this.seen.pop();
    this.contacts.pop();
  }

  nameAt(endpoint: string): string | undefined {
    return this.names.get(endpoint);
  }

  setNameAt(endpoint: string, name: string): void {
    this.names.set(endpoint, name);
  }

  deleteNameAt(endpoint: string): void {
    this.names.delete(endpoint);
  }

  lastSeen(position: number): number | null {
    const seen = this.seen[position] as number;
    return Number.isNaN(seen) ? null : seen;
  }

  see(position: number, now: number): void {
    this.seen[position] = now;
  }

  contact(position: number): Contact {
    return this.contacts[position] as Contact;
  }

  setContact(position: number, contact: Contact): void {
    this.contacts[position] = contact;
  }
}
