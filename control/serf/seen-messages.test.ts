import test from 'ava';
import { LamportClock } from './lamport.ts';
import { SeenMessages } from './seen-messages.ts';

test('a Lamport clock is behind nothing that it has heard of', t => {
  const clock = new LamportClock();
  t.is(clock.time, 1);
  clock.witness(0);
  t.is(clock.time, 1);
  clock.witness(7);
  t.is(clock.time, 8);
  clock.witness(3);
  t.is(clock.time, 8);
  t.is(clock.increment(), 9);
});

test('SeenMessages tells new from seen, and takes what it may have forgotten for seen', t => {
  const seen = new SeenMessages();
  t.true(seen.isNew(5, 'a', 6));
  t.false(seen.isNew(5, 'a', 6));
  t.true(seen.isNew(5, 'b', 6), 'two nodes speak at one time');
  t.true(seen.isNew(600, 'c', 601));
  t.false(seen.isNew(5, 'a', 601), 'older than the ring');
  t.true(seen.isNew(600 - 511, 'x', 601), 'as old as the ring');
  t.true(seen.isNew(1112, 'd', 1113), 'the slot of 600');
  t.false(seen.isNew(600, 'e', 1113), 'whose slot is taken by a later time');
  for (let count = 0; count < 63; count++) t.true(seen.isNew(1112, `${count}`, 1113));
  t.false(seen.isNew(1112, 'one too many', 1113));
});
