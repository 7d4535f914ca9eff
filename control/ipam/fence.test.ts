import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { Fence } from './fence.ts';
import type { Incarnation } from './incarnation.ts';

const LEASE = 1000;

function setUp(names: string) {
  const clock = new ManualClock();
  const contact = new Map<string, number>();
  const liveness = { silentFor: () => 0, lastTwoWay: (node: string) => contact.get(node) ?? null };
  const fence = new Fence({ clock, liveness }, { name: 'me', lease: LEASE });
  const voters = names.split(' ').map(name => ({ name, incarnation: 1 as Incarnation }));
  const hear = (...nodes: string[]): void => {
    for (const node of nodes) contact.set(node, clock.now());
  };
  const confirm = () => fence.confirmed(fence.moment());
  return { clock, fence, hear, confirm, look: () => fence.look(voters) };
}

test('unsafe until it is confirmed', t => {
  const { fence, confirm, look } = setUp('a b c');
  t.is(look(), 'unsafe');
  confirm();
  t.is(look(), 'safe');
  fence.lapse();
  t.is(look(), 'unsafe');
});

test('safe as long as fewer than a majority may have said that we are silent', t => {
  const { clock, hear, confirm, look } = setUp('a b c');
  confirm();
  for (let beat = 0; beat < 30; beat++) {
    clock.advance(100);
    hear('a', 'b');
    t.is(look(), clock.now() < 900 ? 'safe' : 'renew');
  }
  clock.advance(890);
  t.is(look(), 'renew');
  clock.advance(20);
  t.is(look(), 'unsafe');
});

test('contact after a gap does not count', t => {
  const { clock, hear, confirm, look } = setUp('a b c');
  confirm();
  for (let beat = 0; beat < 10; beat++) {
    clock.advance(100);
    hear('a', 'b');
    look();
  }
  hear('c');
  t.is(look(), 'renew', 'what c has said of us meanwhile is still believed');
  confirm();
  t.is(look(), 'safe');
});

test('a second voter who is not known to hear us cannot forget us alone', t => {
  const { clock, hear, confirm, look } = setUp('a b');
  confirm();
  for (let beat = 0; beat < 10; beat++) {
    clock.advance(100);
    hear('a');
    look();
  }
  t.is(look(), 'renew');
});

test('a lone voter is safe by itself', t => {
  const { clock, confirm, look } = setUp('me');
  confirm();
  clock.advance(100 * LEASE);
  t.is(look(), 'safe');
});

test('a machine that was suspended is not', t => {
  const { look, clock, confirm } = setUp('me');
  confirm();
  t.is(look(), 'safe');
  clock.suspend(LEASE);
  t.is(look(), 'unsafe');
  t.is(look(), 'unsafe', 'until it is confirmed');
  confirm();
  t.is(look(), 'safe');
});

test('suspensions add up: what may be missing of a lease is spent once', t => {
  const { clock, confirm, look } = setUp('me');
  confirm();
  for (const [ms, expected] of [
    [20, 'safe'],
    [20, 'renew'],
    [20, 'unsafe'],
  ] as const) {
    clock.suspend(ms);
    clock.advance(10);
    t.is(look(), expected);
  }
});

test('a confirmation that was asked for before a suspension does not hide it', t => {
  const { clock, fence, confirm, look } = setUp('me');
  confirm();
  const asked = fence.moment();
  clock.suspend(LEASE);
  fence.confirmed(asked);
  t.is(look(), 'unsafe');
});

const DAY = 86_400_000;
test('a confirmation that was asked for before the clock was set does not hide it', t => {
  const { clock, fence, hear, look } = setUp('a b c');
  const asked = fence.moment();
  clock.stepWall(DAY);
  clock.advance(100);
  hear('a', 'b', 'c');
  fence.confirmed(asked);
  t.is(look(), 'renew');
});

for (const [what, step, expected] of [
  ['ahead asks to be confirmed, for its machine may have been stopped, and goes on', DAY, 'renew'],
  ['back is no reason for anything', -DAY, 'safe'],
] as const) {
  test(`a clock that is set a day ${what}`, t => {
    const { look, clock, hear, confirm } = setUp('a b c');
    confirm();
    clock.stepWall(step);
    for (let beat = 0; beat < 20; beat++) {
      clock.advance(100);
      hear('a', 'b', 'c');
      t.is(look(), expected);
    }
    confirm();
    t.is(look(), 'safe');
    clock.stepWall(-step);
    t.is(look(), expected === 'safe' ? 'renew' : 'safe', 'set back again');
  });
}

test('a clock that is set does not hide that nobody hears us', t => {
  const { clock, confirm, look } = setUp('a b c');
  confirm();
  clock.stepWall(-DAY);
  clock.advance(910);
  t.is(look(), 'unsafe');
});
