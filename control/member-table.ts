/** The members we know, ourselves not among them. Holds records and answers questions; who is right is decided elsewhere. */
import type { IpAddress } from '../dataplane/address.ts';
import { type Contact, NO_CONTACT } from './contact.ts';
import { type Endpoint, endpointKey, sameEndpoint } from './endpoint.ts';
import { isUp, type Member } from './members.ts';
import { type Random, randomInteger } from './random.ts';

interface Slot {
  member: Member;
  index: number;
  lastSeen: number | null;
  contact: Contact;
}

export class MemberTable {
  private readonly byName = new Map<string, Slot>();
  /** The same slots without gaps, so that a random one is found at once. */
  private readonly slots: Slot[] = [];
  /** Names by endpoint; of several that have had one, the last. */
  private readonly byEndpoint = new Map<string, string>();
  private up = 0;

  get size(): number {
    return this.slots.length;
  }

  /** Members alive or suspect. */
  get upCount(): number {
    return this.up;
  }

  /** Nodes in the pool, ourselves included: SWIM's n. */
  get poolSize(): number {
    return this.up + 1;
  }

  get(name: string): Member | undefined {
    return this.byName.get(name)?.member;
  }

  at(endpoint: Endpoint): Member | undefined {
    const name = this.byEndpoint.get(endpointKey(endpoint));
    return name === undefined ? undefined : this.get(name);
  }

  *all(): Generator<Member> {
    for (const slot of this.slots) yield slot.member;
  }

  some(passes: (member: Member) => boolean): boolean {
    return this.slots.some(({ member }) => passes(member));
  }

  set(member: Member): void {
    let slot = this.byName.get(member.name);
    if (slot === undefined) {
      slot = { member, index: this.slots.length, lastSeen: null, contact: NO_CONTACT };
      this.slots.push(slot);
      this.byName.set(member.name, slot);
    } else {
      this.leave(slot.member);
      // What was measured is true of the way to where it was.
      if (!sameEndpoint(slot.member, member)) slot.contact = NO_CONTACT;
      slot.member = member;
    }
    if (isUp(member.state)) this.up += 1;
    this.byEndpoint.set(endpointKey(member), member.name);
  }

  delete(name: string): void {
    const slot = this.byName.get(name);
    const last = this.slots.pop();
    if (slot === undefined || last === undefined) return;
    this.leave(slot.member);
    this.byName.delete(name);
    if (last === slot) return;
    last.index = slot.index;
    this.slots[slot.index] = last;
  }

  /** Notes that a member has shown itself. */
  seen(name: string, now: number): void {
    const slot = this.byName.get(name);
    if (slot !== undefined) slot.lastSeen = now;
  }

  /** The same for whoever is at an endpoint. */
  seenAt(endpoint: Endpoint, now: number): void {
    const name = this.byEndpoint.get(endpointKey(endpoint));
    if (name !== undefined) this.seen(name, now);
  }

  /** The same for the one member that is up at an address, if it is one: the port of a TCP client says nothing. */
  seenAtAddress(address: IpAddress, now: number): void {
    const there = this.slots.filter(({ member }) => member.address === address && isUp(member.state));
    const [only] = there;
    if (there.length === 1 && only !== undefined) only.lastSeen = now;
  }

  lastSeen(name: string): number | null {
    return this.byName.get(name)?.lastSeen ?? null;
  }

  /** Notes what a probe of a member has shown. */
  probed(name: string, change: (before: Contact) => Contact): void {
    const slot = this.byName.get(name);
    if (slot !== undefined) slot.contact = change(slot.contact);
  }

  contact(name: string): Contact {
    return this.byName.get(name)?.contact ?? NO_CONTACT;
  }

  /** At most `count` different members that pass, chosen at random. */
  sample(random: Random, count: number, passes: (member: Member) => boolean): Member[] {
    const chosen = new Set<Member>();
    // Trying at random is cheap while most pass; a small or mostly dead table is gone through in full.
    for (let tries = 3 * count; tries > 0 && chosen.size < count && this.slots.length > 3 * count; tries--) {
      const slot = this.slots[randomInteger(random, this.slots.length)];
      if (slot !== undefined && passes(slot.member)) chosen.add(slot.member);
    }
    if (chosen.size < count) this.fillSample(random, count, passes, chosen);
    return [...chosen];
  }

  private fillSample(
    random: Random,
    count: number,
    passes: (member: Member) => boolean,
    chosen: Set<Member>,
  ): void {
    const start = randomInteger(random, Math.max(1, this.slots.length));
    const rest: Member[] = [];
    for (let step = 0; step < this.slots.length; step++) {
      const slot = this.slots[(start + step) % this.slots.length];
      if (slot !== undefined && !chosen.has(slot.member) && passes(slot.member)) rest.push(slot.member);
    }
    while (chosen.size < count && rest.length > 0) {
      const [member] = rest.splice(randomInteger(random, rest.length), 1);
      if (member !== undefined) chosen.add(member);
    }
  }

  private leave(member: Member): void {
    if (isUp(member.state)) this.up -= 1;
    const key = endpointKey(member);
    if (this.byEndpoint.get(key) === member.name) this.byEndpoint.delete(key);
  }
}
