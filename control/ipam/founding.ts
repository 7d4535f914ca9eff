/**
 * How a council begins that is founded by several nodes named in a configuration, each of which may lose its disk in the middle of it.
 *
 * The first of them founds, with all as voters, when all have pledged themselves to its incarnation. Each pledges itself to the one
 * that it sees, and may do so again to a later one, but not once it knows of a council. So if there ever was one, of which at least two
 * must have voted to decide anything, a first founder that has lost its disk never gets all pledges again: somebody who voted
 * withholds his, and shows it the council.
 */
import type { Voter } from './council-state.ts';
import type { Incarnation } from './incarnation.ts';
import { MAX_VOTERS } from './limits.ts';
import type { FoundingPost } from './posts.ts';

/** An odd number of them, at most five: see electorate.ts. */
export function foundersOf(names: readonly string[]): readonly string[] {
  const founders = [...new Set(names)].slice(0, MAX_VOTERS);
  return founders.length % 2 === 0 ? founders.slice(0, -1) : founders;
}

export class Founding {
  /** To be saved. */
  pledge: Incarnation | 0;
  private readonly name: string;
  private readonly founders: readonly string[];
  private readonly heard = new Map<string, FoundingPost>();

  constructor(options: {
    readonly name: string;
    readonly founders: readonly string[];
    /** What was saved. */
    readonly pledge: Incarnation | 0;
  }) {
    this.name = options.name;
    this.founders = options.founders;
    this.pledge = options.pledge;
  }

  take(origin: string, post: FoundingPost | undefined): void {
    if (post === undefined) this.heard.delete(origin);
    else this.heard.set(origin, post);
  }

  get isFounder(): boolean {
    return this.founders.includes(this.name);
  }

  /** We are the one who founds. */
  get isFirst(): boolean {
    return this.founders[0] === this.name;
  }

  /** For the post of a founder who knows that it is founded: the others join by it. */
  founded(voters: readonly Voter[]): readonly Incarnation[] | undefined {
    if (!this.isFounder) return undefined;
    return this.founders.flatMap(name => voters.find(voter => voter.name === name)?.incarnation ?? []);
  }

  /** What to post while nothing is known of a council. */
  post(incarnation: Incarnation): FoundingPost {
    return { incarnation, pledge: this.pledge, founded: [] };
  }

  /** Pledges us to the first founder. Returns whether that is new. */
  renew(incarnation: Incarnation): boolean {
    const next = this.isFirst ? incarnation : this.heard.get(this.founders[0] ?? '')?.incarnation;
    if (!this.isFounder || next === undefined || next === this.pledge) return false;
    this.pledge = next;
    return true;
  }

  /** The voters, if we are the first and all have pledged themselves to us, or if the one we are pledged to has founded. */
  voters(incarnation: Incarnation): readonly Voter[] | undefined {
    const [first] = this.founders;
    if (!this.isFounder || first === undefined) return undefined;
    if (first !== this.name) return this.joined(first, incarnation);
    const voters: Voter[] = [];
    for (const name of this.founders) {
      const post = name === this.name ? this.post(incarnation) : this.heard.get(name);
      if (post === undefined || post.pledge !== incarnation) return undefined;
      voters.push({ name, incarnation: post.incarnation });
    }
    return sorted(voters);
  }

  private joined(first: string, incarnation: Incarnation): readonly Voter[] | undefined {
    for (const [place, name] of this.founders.entries()) {
      const post = this.heard.get(name);
      if (post === undefined || post.founded.length !== this.founders.length) continue;
      // What the first has founded in a life to which we are not pledged may never have begun; another who is in it has seen it begin.
      if (name === first ? post.incarnation !== this.pledge : post.founded[place] !== post.incarnation)
        continue;
      const voters = this.founders.flatMap((founder, index) => {
        const one = post.founded[index];
        return one === undefined ? [] : [{ name: founder, incarnation: one }];
      });
      if (voters.some(one => one.name === this.name && one.incarnation === incarnation))
        return sorted(voters);
    }
    return undefined;
  }
}

/** In the order in which all elections leave them: places in it make ballots differ. */
function sorted(voters: readonly Voter[]): readonly Voter[] {
  return voters.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
