import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../dataplane/clock.ts';
import { batchIo } from '../../dataplane/native/batch-io.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { HandOverStream } from './stream.ts';

const PATIENCE = 10_000;

function pair(t: ExecutionContext, clock = systemClock): [HandOverStream, HandOverStream] {
  const fds = batchIo.socketPair();
  if (typeof fds === 'number') throw new Error(`errno ${-fds}`);
  const [one, other] = fds.map(fd => new HandOverStream({ clock, fd })) as [HandOverStream, HandOverStream];
  t.teardown(() => {
    one.close();
    other.close();
  });
  return [one, other];
}

test('what one end sends has come at the other, also before it is waited for, and in any order', async t => {
  const [former, next] = pair(t);
  next.send('t');
  t.is(await former.next('t', PATIENCE), 'come');
  next.send('f');
  former.send('r');
  t.is(await next.next('r', PATIENCE), 'come');
  t.is(await former.next('f', PATIENCE), 'come');
  t.is(await former.next('t', PATIENCE), 'come');
});

test('the end of the other process ends every wait, and what is sent after it harms nobody', async t => {
  const [former, next] = pair(t);
  const waits = Promise.all([former.next('f', PATIENCE), former.ended(PATIENCE)]);
  next.close();
  t.deepEqual(await waits, ['ended', true]);
  former.send('r');
  t.is(await former.next('t', PATIENCE), 'ended');
});

test('what came before the end counts', async t => {
  const [former, next] = pair(t);
  next.send('f');
  t.is(await former.next('f', PATIENCE), 'come');
  next.close();
  t.true(await former.ended(PATIENCE));
  t.is(await former.next('f', PATIENCE), 'come');
});

test('nobody is waited for longer than is said', async t => {
  const clock = new ManualClock();
  const [former] = pair(t, clock);
  const waits = Promise.all([former.next('f', 1000), former.ended(2000)]);
  clock.advance(2000);
  t.deepEqual(await waits, ['late', false]);
});
