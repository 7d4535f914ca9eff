import test from 'ava';
import type { NftItem } from '../net/nft.ts';
import {
  droppingChains,
  isComplete,
  ownRules,
  possibleChains,
  removal,
  renderForeign,
} from './foreign-chains.ts';

function chain(family: string, table: string, name: string, policy?: string): NftItem {
  return { chain: { family, table, name, ...(policy !== undefined && { policy }) } };
}

const FORWARD = { family: 'ip', table: 'filter', chain: 'FORWARD' } as const;

for (const [title, chains, expected] of [
  ['nobody filters', [], []],
  ['FORWARD accepts', [chain('ip', 'filter', 'FORWARD', 'accept')], []],
  ['FORWARD drops', [chain('ip', 'filter', 'FORWARD', 'drop')], [FORWARD]],
  [
    'dockerd',
    [chain('ip', 'filter', 'FORWARD', 'drop'), chain('ip', 'filter', 'DOCKER-USER')],
    [{ ...FORWARD, chain: 'DOCKER-USER' }],
  ],
  [
    'dockerd of IPv6 alone',
    [chain('ip', 'filter', 'FORWARD', 'accept'), chain('ip6', 'filter', 'DOCKER-USER')],
    [{ family: 'ip6', table: 'filter', chain: 'DOCKER-USER' }],
  ],
  [
    'a table of somebody else',
    [chain('inet', 'filter', 'FORWARD', 'drop'), chain('ip', 'fw', 'FORWARD', 'drop')],
    [],
  ],
] as const) {
  test(`chains that need our rules: ${title}`, t => {
    t.deepEqual(droppingChains(chains), expected);
  });
}

test('our rules are known by their comment, and put in once', t => {
  const foreign: NftItem = { rule: { handle: 3 } };
  const own = [10, 11, 12, 13].map((handle): NftItem => ({ rule: { handle, comment: 'weft' } }));
  t.deepEqual(ownRules([foreign, ...own]), [10, 11, 12, 13]);
  t.true(isComplete(own));
  t.false(isComplete(own.slice(1)));
  t.is(renderForeign(FORWARD, [foreign]).match(/^insert rule ip filter FORWARD/gm)?.length, 4);
  t.regex(renderForeign(FORWARD, [...own.slice(3), foreign]), /^delete rule ip filter FORWARD handle 13\n/);
  t.is(removal(FORWARD, [foreign, ...own.slice(2)]).match(/^delete/gm)?.length, 2);
});

test('rules of ours are looked for also where they are not needed any more', t => {
  t.deepEqual(possibleChains([chain('ip', 'filter', 'FORWARD', 'accept'), chain('ip', 'nat', 'FORWARD')]), [
    FORWARD,
  ]);
});
