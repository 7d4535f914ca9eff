import test from 'ava';
import { Founding, foundersOf } from './founding.ts';
import type { Incarnation } from './incarnation.ts';

const FOUNDERS = ['a', 'b', 'c'];
const id = (number: number): Incarnation => number as Incarnation;

class Founder {
  readonly founding: Founding;
  readonly name: string;
  readonly incarnation: Incarnation;
  founded: readonly Incarnation[] = [];

  constructor(name: string, incarnation: number, pledge = 0) {
    this.name = name;
    this.incarnation = id(incarnation);
    this.founding = new Founding({ name, founders: FOUNDERS, pledge: id(pledge) });
  }

  hears(...others: Founder[]): this {
    for (const { name, founding, incarnation, founded } of others) {
      this.founding.take(name, { ...founding.post(incarnation), founded });
    }
    this.founding.renew(this.incarnation);
    const voters = this.founding.voters(this.incarnation);
    this.founded = (voters && this.founding.founded(voters)) ?? this.founded;
    return this;
  }

  get voters(): string | undefined {
    return this.founding
      .voters(this.incarnation)
      ?.map(({ name, incarnation }) => `${name}${incarnation}`)
      .join(' ');
  }
}

test('all pledge themselves to the first, who founds', t => {
  const [a, b, c] = [new Founder('a', 1), new Founder('b', 2), new Founder('c', 3)];
  t.is(a.hears(b, c).voters, undefined);
  b.hears(a);
  t.is(a.hears(b, c).voters, undefined, 'c has not pledged itself');
  c.hears(a);
  t.is(a.hears(b, c).voters, 'a1 b2 c3');
  t.is(b.voters, undefined);
  t.is(b.hears(a).voters, 'a1 b2 c3');
});

test('a first that has lost its disk founds again only if nobody has voted for the old one', t => {
  const [a, b, c] = [new Founder('a', 1), new Founder('b', 2), new Founder('c', 3)];
  b.hears(a);
  c.hears(a);
  a.hears(b, c);
  const again = new Founder('a', 9);
  b.hears(again);
  // c knows the council of a1, and so pledges itself no more.
  t.is(again.hears(b, c).voters, undefined);
  c.hears(again);
  t.is(again.hears(b, c).voters, 'a9 b2 c3');
});

test('a second that has lost its disk is not taken for the one it was', t => {
  const [a, b, c] = [new Founder('a', 1), new Founder('b', 2), new Founder('c', 3)];
  b.hears(a);
  c.hears(a);
  a.hears(b, c);
  t.is(new Founder('b', 8).hears(a).voters, undefined);
});

test('who has joined tells others, should the first lose its disk', t => {
  const [a, b, c] = [new Founder('a', 1), new Founder('b', 2), new Founder('c', 3)];
  b.hears(a);
  c.hears(a);
  a.hears(b, c);
  b.hears(a);
  const again = new Founder('a', 9);
  t.is(c.hears(again).voters, undefined);
  t.is(c.hears(b).voters, 'a1 b2 c3');
  t.is(new Founder('c', 7).hears(b).voters, undefined);
});

test('an odd number of founders', t => {
  t.deepEqual(foundersOf(['a', 'b']), ['a']);
  t.deepEqual(foundersOf(['a', 'b', 'b', 'c']), ['a', 'b', 'c']);
  t.is(foundersOf([...'abcdefg']).length, 5);
  t.deepEqual(foundersOf([]), []);
});
