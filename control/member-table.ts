/** The members we know, ourselves not among them. Holds records and answers questions; who is right is decided elsewhere. */
import type { IpAddress } from '../dataplane/address.ts';
import { type Contact, NO_CONTACT } from './contact.ts';
import { type Endpoint, endpointKey, sameEndpoint } from './endpoint.ts';
import { type MemberSlots, OwnSlots } from './member-slots.ts';
import { isUp, type Member } from './members.ts';
import { type Random, randomInteger } from './random.ts';

export class MemberTable {
  private readonly slots: MemberSlots;
  private up = 0;

  /** `slots`: with these members; a simulation of many nodes keeps what is the same at all of them once. */
  constructor(slots: MemberSlots = new OwnSlots()) {
    this.slots = slots;
    for (const { state } of this.all()) if (isUp(state)) this.up += 1;
  }

  get size(): number {
    return this.slots.size;
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
    const position = this.slots.find(name);
    return position === undefined ? undefined : this.slots.at(position);
  }

  /** Of several that have had an endpoint, the last. */
  at(endpoint: Endpoint): Member | undefined {
    const name = this.slots.nameAt(endpointKey(endpoint));
    return name === undefined ? undefined : this.get(name);
  }

  *all(): Generator<Member> {
    for (let position = 0; position < this.slots.size; position++) yield this.slots.at(position);
  }

  some(passes: (member: Member) => boolean): boolean {
    for (let position = 0; position < this.slots.size; position++) {
      if (passes(this.slots.at(position))) return true;
    }
    return false;
  }

  set(member: Member): void {
    const { slots } = this;
    const position = slots.find(member.name);
    if (position === undefined) slots.add(member);
    else {
      const before = slots.at(position);
      this.leave(before);
      // What was measured is true of the way to where it was.
      if (!sameEndpoint(before, member)) slots.setContact(position, NO_CONTACT);
      slots.replace(position, member);
    }
    if (isUp(member.state)) this.up += 1;
    slots.setNameAt(endpointKey(member), member.name);
  }

  delete(name: string): void {
    const position = this.slots.find(name);
    if (position === undefined) return;
    this.leave(this.slots.at(position));
    this.slots.remove(position);
  }

  /** Notes that a member has shown itself. */
  seen(name: string, now: number): void {
    const position = this.slots.find(name);
    if (position !== undefined) this.slots.see(position, now);
  }

  /** The same for whoever is at an endpoint. */
  seenAt(endpoint: Endpoint, now: number): void {
    const name = this.slots.nameAt(endpointKey(endpoint));
    if (name !== undefined) this.seen(name, now);
  }

  /** The same for the one member that is up at an address, if it is one: the port of a TCP client says nothing. */
  seenAtAddress(address: IpAddress, now: number): void {
    const { slots } = this;
    const there: number[] = [];
    for (let position = 0; position < slots.size; position++) {
      const member = slots.at(position);
      if (member.address === address && isUp(member.state)) there.push(position);
    }
    const [only] = there;
    if (there.length === 1 && only !== undefined) slots.see(only, now);
  }

  lastSeen(name: string): number | null {
    const position = this.slots.find(name);
    return position === undefined ? null : this.slots.lastSeen(position);
  }

  /** Notes what a probe of a member has shown. */
  probed(name: string, change: (before: Contact) => Contact): void {
    const position = this.slots.find(name);
    if (position !== undefined) this.slots.setContact(position, change(this.slots.contact(position)));
  }

  contact(name: string): Contact {
    const position = this.slots.find(name);
    return position === undefined ? NO_CONTACT : this.slots.contact(position);
  }

  /** At most `count` different members that pass, chosen at random. */
  sample(random: Random, count: number, passes: (member: Member) => boolean): Member[] {
    const { slots } = this;
    const chosen = new Set<Member>();
    // Trying at random is cheap while most pass; a small or mostly dead table is gone through in full.
    for (let tries = 3 * count; tries > 0 && chosen.size < count && slots.size > 3 * count; tries--) {
      const member = slots.at(randomInteger(random, slots.size));
      if (passes(member)) chosen.add(member);
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
    const { slots } = this;
    const start = randomInteger(random, Math.max(1, slots.size));
    const rest: Member[] = [];
    for (let step = 0; step < slots.size; step++) {
      const member = slots.at((start + step) % slots.size);
      if (!chosen.has(member) && passes(member)) rest.push(member);
    }
    while (chosen.size < count && rest.length > 0) {
      const [member] = rest.splice(randomInteger(random, rest.length), 1);
      if (member !== undefined) chosen.add(member);
    }
  }

  private leave(member: Member): void {
    if (isUp(member.state)) this.up -= 1;
    const key = endpointKey(member);
    if (this.slots.nameAt(key) === member.name) this.slots.deleteNameAt(key);
  }
}
