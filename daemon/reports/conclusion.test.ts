import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import type { ClaimState } from '../../dataplane/claims.ts';
import { BLUE, claimView, type FakeClaim, MAC } from '../testing/claims.ts';
import { conclusionOf, type FrameFacts } from './conclusion.ts';

const B = { origin: 'vm-b', vtep: '192.0.2.2' };
const C = { origin: 'vm-c', vtep: '192.0.2.3' };
const OURS = { origin: 'vm-a', vtep: '192.0.2.1' };
const WEB = { ifname: 'eth0', netns: { name: 'web' } };

const entry = (origin: 'learned' | 'gossip' | 'static' | 'attached', vtep: string | null) => ({
  entry: { origin, vtep: vtep === null ? null : parseIp(vtep) },
});
const installed = (vtep: string, state: ClaimState) => ({ installed: { vtep: parseIp(vtep), state } });

const DROPPED = 'frames to it are dropped (unknown_unicast: drop).';

const cases: [string, readonly FakeClaim[], Partial<FrameFacts>, string][] = [
  [
    'attached here, and nobody else has it',
    [OURS],
    { ...entry('attached', null), endpoint: WEB },
    'Frames to it go to eth0 of web on this node, because it is attached here.',
  ],
  [
    'attached here, and another node wins',
    [OURS, { ...B, mobility: 1 }],
    { ...entry('attached', null), endpoint: WEB, ...installed('192.0.2.2', 'attached_here') },
    'Frames to it go to eth0 of web on this node, because it is attached here; but other nodes send them to vm-b, whose claim wins: its counter is the highest (1, that of vm-a is 0), for it moved there last.',
  ],
  [
    'claimed by one',
    [B],
    { ...entry('gossip', '192.0.2.2'), ...installed('192.0.2.2', 'used') },
    'Frames to it go to vm-b at VTEP 192.0.2.2, whose claim wins: no other node that is there claims it.',
  ],
  [
    'claimed by two',
    [B, { ...C, mobility: 3 }],
    { ...entry('gossip', '192.0.2.3'), ...installed('192.0.2.3', 'used') },
    'Frames to it go to vm-c at VTEP 192.0.2.3, whose claim wins: its counter is the highest (3, that of vm-b is 0), for it moved there last.',
  ],
  [
    'the dataplane is behind',
    [B, { ...C, mobility: 3 }],
    { ...entry('gossip', '192.0.2.2'), ...installed('192.0.2.2', 'used') },
    'Frames to it still go to VTEP 192.0.2.2, by an earlier claim; vm-c has it now, and the entry is about to follow.',
  ],
  [
    'claimed by nobody any more',
    [{ ...B, isDeleted: true }],
    { ...entry('gossip', '192.0.2.2'), ...installed('192.0.2.2', 'used') },
    'Frames to it still go to VTEP 192.0.2.2, by a claim that nobody makes any more; the entry is about to go.',
  ],
  [
    'learned from a VTEP',
    [],
    entry('learned', '192.0.2.9'),
    'Frames to it go to VTEP 192.0.2.9, because its last frame came from there; no node claims it.',
  ],
  [
    'learned from a port',
    [],
    entry('learned', null),
    'Frames to it go to a port of this node, because its last frame came from there; no node claims it.',
  ],
  [
    'learned, while its claim waits',
    [B],
    { ...entry('learned', '192.0.2.9'), ...installed('192.0.2.2', 'vtep_unknown') },
    'Frames to it go to VTEP 192.0.2.9, because its last frame came from there; vm-b claims it, but no VTEP 192.0.2.2 carries the network, by what gossip says.',
  ],
  [
    'configured',
    [],
    entry('static', '192.0.2.9'),
    'Frames to it go to VTEP 192.0.2.9, because it is configured so.',
  ],
  [
    'a claim that the dataplane was not told of',
    [B],
    {},
    `There is no entry: vm-b claims it, but the dataplane was not told of that yet; ${DROPPED}`,
  ],
  [
    'a claim whose entry is missing',
    [B],
    installed('192.0.2.2', 'missing'),
    `There is no entry: vm-b claims it, but its entry is missing, which the next audit mends; ${DROPPED}`,
  ],
  [
    'a claim that is just being told',
    [B],
    installed('192.0.2.2', 'used'),
    `There is no entry: vm-b claims it, but its entry is just being changed; ${DROPPED}`,
  ],
  [
    'on record here, and not served',
    [OURS],
    { endpoint: WEB },
    `There is no entry: eth0 of web of this node is on record with it, but is not served; ${DROPPED}`,
  ],
  [
    'a node without a VTEP',
    [{ ...B, vtep: null }],
    {},
    `There is no entry: vm-b claimed it without telling a VTEP yet; ${DROPPED}`,
  ],
  [
    'a dead node',
    [
      { ...B, isHidden: true },
      { ...C, isDeleted: true },
    ],
    {},
    `There is no entry: vm-b had it, and is not there now; ${DROPPED}`,
  ],
  [
    'taken back',
    [{ ...C, isDeleted: true }],
    {},
    `There is no entry: vm-c had it, and took it back; ${DROPPED}`,
  ],
];

for (const [what, claims, facts, expected] of cases) {
  test(`conclusionOf: ${what}`, t => {
    const sentence = conclusionOf({
      self: 'vm-a',
      entry: undefined,
      claims: claimView(claims).explain(BLUE, MAC).claims,
      installed: undefined,
      endpoint: undefined,
      unknownUnicast: 'drop',
      ...facts,
    });
    t.is(sentence, expected);
  });
}

test('conclusionOf says what becomes of frames for unknown addresses', t => {
  const facts = { self: 'vm-a', entry: undefined, claims: [], installed: undefined, endpoint: undefined };
  t.is(
    conclusionOf({ ...facts, unknownUnicast: 'auto' }),
    'There is no entry: no node claims it; frames to it go to containers here and to those VTEPs alone that do not tell what they have, and are dropped where there are none (unknown_unicast: auto).',
  );
  t.is(
    conclusionOf({ ...facts, unknownUnicast: 'flood' }),
    'There is no entry: no node claims it; frames to it go to every VTEP of the network (unknown_unicast: flood).',
  );
});
