import test from 'ava';
import { CouncilState } from './council-state.ts';
import { nextVoters } from './electorate.ts';
import type { Incarnation } from './incarnation.ts';

/** Voters, other nodes, the dead among both; who should vote, undefined: as it is. */
const cases: [string, string, string, string | undefined][] = [
  ['a', '', '', undefined],
  // Two would stop as soon as one does.
  ['a', 'b', '', undefined],
  ['a', 'bc', '', 'abc'],
  ['a', 'bcd', 'd', 'abc'],
  ['abc', 'd', '', undefined],
  ['abc', 'de', '', 'abcde'],
  ['abcde', 'fgh', '', undefined],
  ['abcde', 'fg', 'b', 'acdef'],
  ['abcde', '', 'b', undefined],
  ['abc', '', 'c', undefined],
  ['abc', 'd', 'c', 'abd'],
  // After one was forgotten.
  ['ab', '', '', 'a'],
  ['ab', 'c', '', 'abc'],
  ['ab', '', 'a', 'b'],
  ['abcd', '', '', 'abc'],
];

for (const [voters, others, dead, expected] of cases) {
  test(`voters ${voters}, others ${others || 'none'}, dead ${dead || 'none'}`, t => {
    const all = [...`${voters}${others}`].map(name => ({ name, incarnation: 1 as Incarnation }));
    const state = CouncilState.found([4], all);
    state.voters = all.filter(({ name }) => voters.includes(name));
    const isLost = (name: string): boolean => dead.includes(name);
    const names = nextVoters(state, { isAlive: name => !isLost(name), isLost });
    t.is(names?.toSorted().join(''), expected);
  });
}
