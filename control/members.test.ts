import test from 'ava';
import { parseIp } from '../dataplane/address.ts';
import { PROTOCOL_VERSION } from './constants.ts';
import { judgeAlive, judgeDead, judgeSuspect, type Member } from './members.ts';
import type { MemberState } from './stream.ts';

const HERE = { address: parseIp('192.0.2.1'), port: 7946 };
const THERE = { address: parseIp('192.0.2.9'), port: 7946 };

function member(state: MemberState, incarnation = 5): Member {
  return {
    name: 'x',
    ...HERE,
    incarnation,
    state,
    since: 0,
    meta: new Uint8Array(0),
    version: PROTOCOL_VERSION,
  };
}

test('judgeAlive takes only a higher incarnation, in every state (SWIM 4.2)', t => {
  t.is(judgeAlive(undefined, { ...HERE, incarnation: 0 }), 'accept');
  for (const state of ['alive', 'suspect', 'dead', 'left'] as const) {
    t.is(judgeAlive(member(state), { ...HERE, incarnation: 4 }), 'stale', state);
    t.is(judgeAlive(member(state), { ...HERE, incarnation: 5 }), 'stale', state);
    t.is(judgeAlive(member(state), { ...HERE, incarnation: 6 }), 'accept', state);
  }
});

test('judgeAlive lets a name move only from a node that is gone', t => {
  for (const state of ['alive', 'suspect'] as const) {
    t.is(judgeAlive(member(state), { ...THERE, incarnation: 99 }), 'addressConflict', state);
  }
  for (const state of ['dead', 'left'] as const) {
    t.is(judgeAlive(member(state), { ...THERE, incarnation: 6 }), 'accept', state);
    t.is(judgeAlive(member(state), { ...THERE, incarnation: 5 }), 'stale', state);
  }
});

test('judgeSuspect takes the same incarnation or a higher one, of members that are up (SWIM 4.2)', t => {
  t.is(judgeSuspect(undefined, 9), 'stale');
  t.is(judgeSuspect(member('alive'), 4), 'stale');
  t.is(judgeSuspect(member('alive'), 5), 'accept');
  t.is(judgeSuspect(member('alive'), 6), 'accept');
  t.is(judgeSuspect(member('suspect'), 5), 'confirm');
  t.is(judgeSuspect(member('suspect'), 6), 'accept', 'it has refuted since, and is suspected again');
  t.is(judgeSuspect(member('dead'), 9), 'stale');
  t.is(judgeSuspect(member('left'), 9), 'stale');
});

test('judgeDead tells a farewell from a death, and takes a farewell after a death', t => {
  const death = (incarnation: number) => ({ incarnation, node: 'x', from: 'y' });
  const farewell = (incarnation: number) => ({ incarnation, node: 'x', from: 'x' });
  t.is(judgeDead(undefined, death(9)), 'stale');
  t.is(judgeDead(member('alive'), death(4)), 'stale');
  t.is(judgeDead(member('alive'), death(5)), 'dead');
  t.is(judgeDead(member('suspect'), farewell(5)), 'left');
  t.is(judgeDead(member('dead'), death(9)), 'stale');
  t.is(judgeDead(member('dead'), farewell(5)), 'left');
  t.is(judgeDead(member('dead'), farewell(4)), 'stale');
  t.is(judgeDead(member('left'), death(9)), 'stale');
});
