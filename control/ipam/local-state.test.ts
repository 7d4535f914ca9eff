import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { AddressPool } from './address-pool.ts';
import type { Incarnation } from './incarnation.ts';
import { decodeLocal, encodeLocal } from './local-state.ts';
import { Space } from './space.ts';

const REST = 300_000;
const DAY = 86_400_000;
const IDENTITY = { incarnation: 7 as Incarnation, isRegistered: true, pledge: 0 } as const;

function makePool(): AddressPool {
  const pool = new AddressPool(new Space({ prefix: '10.0.0.0/29' }), { rest: REST });
  pool.set([{ offset: 0n, bits: 3 }], []);
  return pool;
}

/** A process that has released two addresses, one of them long ago, and has saved that. */
function setUp() {
  const clock = new ManualClock();
  clock.advance(10 * DAY);
  const pool = makePool();
  const [first = 0n, second = 0n] = [pool.take('c1', clock.now()), pool.take('c2', clock.now())];
  pool.take('c3', clock.now());
  pool.release(first, clock.now());
  clock.advance(REST);
  pool.release(second, clock.now());
  clock.advance(100_000);
  const saved = encodeLocal(IDENTITY, [pool], clock);
  const restart = (by = clock) => {
    const next = makePool();
    return { identity: decodeLocal(saved, [next], by), next };
  };
  return { clock, pool, restart };
}

test('who we are and what is claimed comes back', t => {
  const { pool, restart } = setUp();
  const { identity, next } = restart();
  t.deepEqual(next.claims, pool.claims);
  t.deepEqual(identity, IDENTITY);
});

for (const [what, step] of [
  ['right', 0],
  ['set a day ahead', DAY],
  ['set a day back', -DAY],
] as const) {
  test(`an address rests as long as it should over a restart with a wall clock that is ${what}`, t => {
    const { clock, restart } = setUp();
    clock.stepWall(step);
    clock.advance(20_000);
    const { next } = restart();
    t.is(next.restingCount(clock.now()), 1);
    t.is(next.nextRested(clock.now()), clock.now() + REST - 120_000);
    clock.stepWall(-step);
    clock.advance(REST - 120_000 - 1);
    t.is(next.restingCount(clock.now()), 1);
    clock.advance(1);
    t.is(next.restingCount(clock.now()), 0);
  });
}

test('after a start of the machine it rests at least as long as the machine is not up for so long', t => {
  const { restart } = setUp();
  const fresh = new ManualClock();
  fresh.advance(60_000);
  const { next } = restart(fresh);
  t.is(next.restingCount(fresh.now()), 1, 'whose rest was over has no other');
  t.is(next.nextRested(fresh.now()), REST);
});

test('the time of a suspended machine is part of the rest', t => {
  const { clock, restart } = setUp();
  clock.suspend(REST);
  t.is(restart().next.restingCount(clock.now()), 0);
});

test('what a weft before saved by the wall clock rests from the upgrade on', t => {
  const wall = new ManualClock();
  wall.advance(1_795_000_000_000);
  const pool = makePool();
  const offset = pool.take('c1', wall.now()) ?? 0n;
  pool.release(offset, wall.now());
  const saved = encodeLocal(IDENTITY, [pool], wall);
  const clock = new ManualClock();
  clock.advance(10 * DAY);
  const next = makePool();
  decodeLocal(saved, [next], clock);
  t.is(next.nextRested(clock.now()), clock.now() + REST);
});
