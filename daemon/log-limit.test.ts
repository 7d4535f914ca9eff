import test from 'ava';
import { ManualClock } from '../dataplane/testing/manual-clock.ts';
import { createLog } from './log.ts';

function rig() {
  const clock = new ManualClock();
  const lines: { readonly event?: string; readonly [field: string]: unknown }[] = [];
  const root = createLog({
    level: 'info',
    clock,
    destination: { write: line => lines.push(JSON.parse(line)) },
  });
  const say = (times: number, message = 'peer is alive') => {
    for (let i = 0; i < times; i++) root.log.info({ peer: `vm-${i}` }, message);
  };
  const of = (event: string) => lines.filter(line => line.event === event).length;
  return { clock, root, say, of, lines };
}

test('a hundred lines of one event at once, then one a second; what is left out is counted and said once a minute', t => {
  const { clock, say, of, root, lines } = rig();
  say(5000);
  t.is(of('peer_alive'), 100);
  t.is(root.counts().suppressed.get('peer_alive'), 4900);
  clock.advance(10_000);
  say(50);
  t.is(of('peer_alive'), 110);
  t.is(of('log_suppressed'), 0);
  clock.advance(50_000);
  t.like(lines.at(-1), { level: 'warn', event: 'log_suppressed', suppressed: 'peer_alive', count: 4940 });
  t.is(of('log_suppressed'), 1);
  clock.advance(3_600_000);
  t.is(of('log_suppressed'), 1);
  say(100);
  t.is(of('peer_alive'), 210);
});

test('an event that nobody outside causes is never left out, and one that floods does not silence another', t => {
  const { say, of } = rig();
  say(1000);
  say(1000, 'attached');
  t.is(of('endpoint_attached'), 1000);
  say(50, 'peer is dead');
  t.is(of('peer_dead'), 50);
});

test('the end of the log says what was not said yet, once', t => {
  const { clock, say, of, root } = rig();
  say(130);
  root.flush();
  root.flush();
  clock.advance(120_000);
  t.is(of('log_suppressed'), 1);
  t.is(root.counts().lines.get('warn'), 1);
  t.is(root.counts().lines.get('info'), 100);
});

test('children share the limit; lines below the level count nowhere', t => {
  const { root, of } = rig();
  const child = root.log.child({ component: 'control' });
  for (let i = 0; i < 150; i++) (i % 2 === 0 ? child : root.log).info({}, 'peer is alive');
  t.is(of('peer_alive'), 100);
  for (let i = 0; i < 500; i++) child.debug({}, 'a live name is claimed from another address');
  t.is(root.counts().suppressed.get('name_claimed'), 0);
  t.is(root.counts().lines.get('debug'), 0);
});
