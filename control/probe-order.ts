/**
 * Round-robin over a list that is shuffled anew each time it is through (SWIM section 4.3): a dead member is found
 * after one round at the latest, not only on average.
 */
import type { MemberTable } from './member-table.ts';
import { isUp, type Member } from './members.ts';
import { type Random, randomInteger, shuffle } from './random.ts';

export class ProbeOrder {
  private readonly table: MemberTable;
  private readonly random: Random;
  private names: string[] = [];
  private position = 0;

  constructor(modules: { readonly table: MemberTable; readonly random: Random }) {
    this.table = modules.table;
    this.random = modules.random;
  }

  /** Puts a new member at a random place among those still to come or already through (SWIM section 4.3). */
  add(name: string): void {
    const at = randomInteger(this.random, this.names.length + 1);
    this.names.splice(at, 0, name);
    if (at < this.position) this.position += 1;
  }

  /** The next member that is up, or undefined if none is. */
  next(): Member | undefined {
    for (let rounds = 0; rounds < 2; rounds++) {
      while (this.position < this.names.length) {
        const member = this.table.get(this.names[this.position++] ?? '');
        if (member !== undefined && isUp(member.state)) return member;
      }
      this.startRound();
    }
    return undefined;
  }

  private startRound(): void {
    const names: string[] = [];
    for (const member of this.table.all()) if (isUp(member.state)) names.push(member.name);
    this.names = shuffle(this.random, names);
    this.position = 0;
  }
}
