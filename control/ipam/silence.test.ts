import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { CouncilState } from './council-state.ts';
import type { Incarnation } from './incarnation.ts';
import { Silence } from './silence.ts';

const LEASE = 100_000;
const one = 1 as Incarnation;

function setUp() {
  const clock = new ManualClock();
  const silent = new Map<string, number>();
  const liveness = { silentFor: (node: string) => silent.get(node) ?? 0, lastTwoWay: () => null };
  const silence = new Silence({ clock, liveness }, { name: 'a', lease: LEASE });
  const names = ['a', 'b', 'c', 'victim'];
  const state = CouncilState.found(
    [4],
    names.map(name => ({ name, incarnation: one })),
  );
  state.voters = state.voters.slice(0, 3);
  silence.learn(state);
  const victim = { node: 'victim', incarnation: one, session: 1 };
  return { clock, silent, silence, state, victim };
}

test('who is silent for a lease is told, and not before', t => {
  const { clock, silent, silence, state, victim } = setUp();
  silent.set('victim', Number.POSITIVE_INFINITY);
  clock.advance(LEASE);
  t.is(silence.look(state, []), undefined, 'counted from when we learnt of it');
  clock.advance(1);
  t.deepEqual(silence.look(state, []), [victim]);
  t.is(silence.look(state, []), undefined, 'told once');
  silent.set('victim', 0);
  t.deepEqual(silence.look(state, []), []);
});

test('an operator’s word shortens it to half a minute', t => {
  const { clock, silent, silence, state, victim } = setUp();
  clock.advance(40_000);
  silent.set('victim', 29_000);
  t.is(silence.look(state, [victim]), undefined);
  silent.set('victim', 30_000);
  t.is(silence.look(state, [{ ...victim, session: 0 }]), undefined, 'of another start');
  t.deepEqual(silence.look(state, [victim]), [victim]);
});

test('a majority of the voters, of that life and start', t => {
  const { clock, silent, silence, state, victim } = setUp();
  silent.set('victim', 10 * LEASE);
  clock.advance(2 * LEASE);
  silence.look(state, []);
  t.deepEqual(silence.condemned(state), []);
  silence.take('victim', { incarnation: one, silent: [victim] });
  silence.take('b', { incarnation: 2 as Incarnation, silent: [victim] });
  silence.take('c', { incarnation: one, silent: [{ ...victim, session: 2 }] });
  t.deepEqual(silence.condemned(state), []);
  silence.take('b', { incarnation: one, silent: [victim] });
  t.deepEqual(silence.condemned(state), [victim]);
});
