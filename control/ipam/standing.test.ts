import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { seededRandom } from '../random.ts';
import type { CouncilState } from './council-state.ts';
import { Errands } from './errands.ts';
import { Fence } from './fence.ts';
import { makeIncarnation } from './incarnation.ts';
import { Standing } from './standing.ts';

const LEASE = 1000;

/** A node of three voters that has asked for a confirmation. */
function setUp() {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const heard = new Map<string, number>();
  const liveness = { silentFor: () => 0, lastTwoWay: (node: string) => heard.get(node) ?? null };
  const fence = new Fence({ clock, liveness }, { name: 'me', lease: LEASE });
  const incarnation = makeIncarnation(1, random);
  const errands = new Errands(incarnation);
  const saves: (() => void)[] = [];
  const events: string[] = [];
  const standing = new Standing(
    {
      random,
      errands,
      fence,
      saver: { touch: () => {}, afterSave: (done: () => void) => void saves.push(done) },
      unfenced: () => void events.push('unfenced'),
      fenced: () => void events.push('fenced'),
      forgotten: () => void events.push('forgotten'),
    },
    { name: 'me', isRegistered: true },
  );
  const voters = ['a', 'b', 'c'].map(name => ({ name, incarnation }));
  const state = (nonce: number) =>
    ({
      voters,
      nodes: new Map([['me', { incarnation, isForgotten: false, nonce, session: 0, wish: 0 }]]),
    }) as unknown as CouncilState;
  standing.learn(state(0));
  const asked = errands.confirmation?.nonce ?? 0;
  const save = (): void => {
    for (const done of saves.splice(0)) done();
  };
  return { clock, heard, errands, standing, events, state, asked, save };
}

test('confirmed and saved, its addresses may be used', t => {
  const { standing, events, state, asked, save } = setUp();
  standing.learn(state(asked));
  t.deepEqual(events, []);
  save();
  t.deepEqual(events, ['unfenced']);
});

test('a confirmation that is heard of after a lease, in which nobody has heard us, confirms nothing: another one is asked for', t => {
  const { clock, errands, standing, events, state, asked, save } = setUp();
  clock.advance(LEASE);
  standing.learn(state(asked));
  save();
  t.deepEqual(events, []);
  t.true(standing.isFenced);
  const { nonce = 0 } = errands.confirmation ?? {};
  t.not(nonce, asked);
  standing.learn(state(nonce));
  save();
  t.deepEqual(events, ['unfenced']);
});

test('nor does one before whose saving the machine was suspended', t => {
  const { clock, errands, standing, events, state, asked, save } = setUp();
  standing.learn(state(asked));
  clock.suspend(LEASE);
  save();
  t.deepEqual(events, []);
  t.true(standing.isFenced);
  t.not(errands.confirmation, undefined);
});
