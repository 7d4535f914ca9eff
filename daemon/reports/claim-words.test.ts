import test from 'ava';
import { BLUE, claimView, type FakeClaim, MAC } from '../testing/claims.ts';
import { contestOf, whyOf } from './claim-words.ts';

const B = { origin: 'vm-b', vtep: '192.0.2.2' };
const C = { origin: 'vm-c', vtep: '192.0.2.3' };
const D = { origin: 'vm-d', vtep: '192.0.2.4' };

const cases: [string, readonly FakeClaim[], Readonly<Record<string, string>>][] = [
  ['one claim', [B], { 'vm-b': 'no other node that is there claims it' }],
  [
    'the counter',
    [
      { ...B, mobility: 5 },
      { ...C, mobility: 7 },
      { ...D, mobility: 6 },
    ],
    {
      'vm-c': 'its counter is the highest (7, that of vm-d is 6), for it moved there last',
      'vm-d': 'the counter of vm-c is higher (7 against 6), for it moved there last',
      'vm-b': 'the counter of vm-c is higher (7 against 5), for it moved there last',
    },
  ],
  [
    'equal counters',
    [
      { ...B, mobility: 2 },
      { ...C, mobility: 2 },
    ],
    {
      'vm-b': 'counters are equal (2), and then the lowest VTEP address wins',
      'vm-c': 'counters are equal (2), and the VTEP address of vm-b is lower',
    },
  ],
  [
    'two nodes with one VTEP',
    [B, { ...C, vtep: B.vtep }],
    {
      'vm-b': 'two nodes have VTEP 192.0.2.2, which is a mistake; of equal counters (0) the first name wins',
      'vm-c':
        'vm-b has the same VTEP 192.0.2.2, which is a mistake; of equal counters (0) the first name wins',
    },
  ],
  [
    'a frozen address',
    [
      { ...B, mobility: 9 },
      { ...C, mobility: 4, frozen: true },
    ],
    {
      'vm-c': 'it is frozen, for it moved too often, and is held where it is',
      'vm-b': 'the claim of vm-c is frozen, for the address moved too often, and is held there',
    },
  ],
  [
    'a sticky address',
    [
      { ...B, mobility: 9, frozen: true },
      { ...C, sticky: true },
    ],
    {
      'vm-c': 'it is sticky, so it must not move, and stands before claims that are not',
      'vm-b': 'the claim of vm-c is sticky, so it must not move',
    },
  ],
  [
    'claims that do not count',
    [
      { ...B, isHidden: true, mobility: 8 },
      { origin: 'vm-p', vtep: null, mobility: 9 },
      { ...C, isDeleted: true, mobility: 7 },
      D,
    ],
    {
      'vm-d': 'no other node that is there claims it',
      'vm-b': 'its node is not there (dead, unreachable, or without this network now)',
      'vm-p': 'its node has not told its VTEP yet',
      'vm-c': 'its node took it back; only its counter is remembered',
    },
  ],
];

for (const [what, claims, expected] of cases) {
  test(`whyOf: ${what}`, t => {
    const { claims: explained } = claimView(claims).explain(BLUE, MAC);
    const contest = contestOf(explained);
    const words = explained.map(one => [one.claim.origin, whyOf(one, contest)]);
    t.deepEqual(Object.fromEntries(words), expected);
  });
}
