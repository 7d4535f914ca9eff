import test from 'ava';
import fc from 'fast-check';
import type { Vni } from '../../dataplane/address.ts';
import type { Epoch } from './epoch.ts';
import type { Delta } from './frame.ts';
import { OriginLog } from './origin-log.ts';
import { type LogRecord, recordId } from './record.ts';

const BLUE = 42 as Vni;
const FIRST = 1 as Epoch;
const SECOND = 2 as Epoch;

const record = (key: number, value: number, deleted = false): Omit<LogRecord, 'seq'> => ({
  kind: 9,
  key: Uint8Array.of(key),
  body: Uint8Array.of(value),
  deleted,
});

/** An origin's own log. */
function origin(epoch = FIRST): OriginLog {
  const log = new OriginLog('vm', BLUE);
  log.rewrite(epoch, () => {});
  return log;
}

/** What one log would send to somebody who has the other so far. */
function deltaFor(log: OriginLog, replica: OriginLog, maxBytes = 1e6): Delta | undefined {
  const from = log.missingFrom(replica.entry());
  if (from === undefined) return undefined;
  const { records, to } = log.slice(from, maxBytes);
  const { vni, epoch, head, gc } = log;
  return { type: 'delta', vni, origin: 'vm', epoch, from, to, head, gc, relay: false, records };
}

function apply(replica: OriginLog, delta: Delta | undefined): string {
  return delta === undefined ? 'nothing' : replica.apply(delta, () => {});
}

/** Key to value, tombstones left out. */
function shown(log: OriginLog): Record<string, number> {
  const live = [...log.all()].filter(({ deleted }) => !deleted);
  return Object.fromEntries(live.map(({ key, body }) => [key[0], body[0]]).sort());
}

test('only the newest version of a record is kept and sent', t => {
  const log = origin();
  for (const value of [1, 2, 3]) log.write(record(7, value), () => {});
  log.write(record(8, 1), () => {});
  t.deepEqual(
    log.slice(0, 1e6).records.map(({ seq }) => seq),
    [3, 4],
  );
  t.is(log.size, 2);
});

test('a delta that does not begin where we are is refused', t => {
  const log = origin();
  const replica = new OriginLog('vm', BLUE);
  for (const value of [1, 2, 3]) log.write(record(value, value), () => {});
  const { records, to } = log.slice(2, 1e6);
  const delta = { ...(deltaFor(log, replica) as Delta), from: 2, to, records };
  t.is(apply(replica, delta), 'gap');
  t.deepEqual(shown(replica), {});
  t.is(apply(replica, deltaFor(log, replica)), 'applied');
  t.is(apply(replica, delta), 'known');
});

test('a delta that was cut short is complete as far as it goes', t => {
  const log = origin();
  const replica = new OriginLog('vm', BLUE);
  for (let key = 1; key <= 20; key++) log.write(record(key, key), () => {});
  for (let step = 1; step <= 20; step++) {
    t.is(apply(replica, deltaFor(log, replica, 1)), 'applied');
    t.is(replica.seq, step);
  }
  t.deepEqual(shown(replica), shown(log));
});

test('a new epoch replaces the old one without a moment in which nothing is shown', t => {
  const old = origin();
  for (const key of [1, 2, 3]) old.write(record(key, 1), () => {});
  const replica = new OriginLog('vm', BLUE);
  apply(replica, deltaFor(old, replica));
  const next = origin(SECOND);
  for (const key of [2, 3]) next.write(record(key, 2), () => {});
  apply(replica, deltaFor(next, replica, 1));
  t.deepEqual(shown(replica), { 1: 1, 2: 2, 3: 1 }, 'half of it has come');
  t.is(apply(replica, deltaFor(old, replica)), 'nothing', 'nobody of the old epoch has anything to tell');
  apply(replica, deltaFor(next, replica));
  t.deepEqual(shown(replica), { 2: 2, 3: 2 });
  t.is(replica.size, 2);
});

test('a delta of an old epoch is refused', t => {
  const replica = new OriginLog('vm', BLUE);
  const old = origin();
  old.write(record(1, 1), () => {});
  const delta = deltaFor(old, replica);
  const next = origin(SECOND);
  next.write(record(2, 2), () => {});
  apply(replica, deltaFor(next, replica));
  t.is(apply(replica, delta), 'older');
  t.deepEqual(shown(replica), { 2: 2 });
});

test('who missed a tombstone that is gone gets the whole log, and the record goes', t => {
  const log = origin();
  for (const key of [1, 2]) log.write(record(key, 1), () => {});
  const replica = new OriginLog('vm', BLUE);
  apply(replica, deltaFor(log, replica));
  const { seq } = log.write(record(1, 0, true), () => {});
  log.write(record(3, 1), () => {});
  log.forgetTombstones(seq, () => {});
  t.is(log.size, 2);
  const delta = deltaFor(log, replica, 1);
  t.is(delta?.from, 0);
  apply(replica, delta);
  t.deepEqual(shown(replica), { 1: 1, 2: 1 }, 'still shown until the log is complete');
  t.is(deltaFor(log, replica)?.from, 3, 'the next part goes on from there, not from the beginning');
  apply(replica, deltaFor(log, replica));
  t.deepEqual(shown(replica), { 2: 1, 3: 1 });
});

test('in the middle of the whole log, nothing is taken from one who may still have what is deleted', t => {
  const log = origin();
  for (const key of [1, 2, 3]) log.write(record(key, 1), () => {});
  const laggard = new OriginLog('vm', BLUE);
  apply(laggard, deltaFor(log, laggard));
  const replica = new OriginLog('vm', BLUE);
  const { seq } = log.write(record(2, 0, true), () => {});
  log.write(record(4, 1), () => {});
  log.forgetTombstones(seq, () => {});
  apply(replica, deltaFor(log, replica, 1));
  t.is(replica.seq, 2);
  t.is(replica.gc, seq);
  t.is(apply(replica, deltaFor(laggard, replica)), 'older');
  apply(replica, deltaFor(log, replica));
  t.deepEqual(shown(replica), shown(log));
});

/** What happens to an origin and its replicas, in any order. */
const step = fc.oneof(
  fc.record({ do: fc.constant('write' as const), key: fc.nat(6), value: fc.nat(255) }),
  fc.record({ do: fc.constant('delete' as const), key: fc.nat(6) }),
  fc.record({ do: fc.constant('collect' as const), upTo: fc.nat(1000) }),
  fc.record({ do: fc.constant('epoch' as const) }),
  fc.record({ do: fc.constant('sync' as const), from: fc.nat(3), to: fc.nat(3), bytes: fc.nat(60) }),
);

test('replicas that exchange what they have in any order agree in the end, and never go back', t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const log = origin();
      const all = [log, ...Array.from({ length: 3 }, () => new OriginLog('vm', BLUE))];
      let epoch = 1;
      const versions = new Map<string, number>();
      let writes = 0;
      const write = (key: number, value: number, deleted: boolean): void => {
        writes += 1;
        // Every write has a content of its own, so that versions can be told apart.
        const body = Uint8Array.of(value, writes >> 8, writes & 0xff);
        const written = log.write({ ...record(key, 0, deleted), body }, () => {});
        versions.set(Buffer.from(body).toString('hex') + recordId(written), writes);
      };
      const newest = all.map(() => new Map<string, number>());
      const sync = (from: number, to: number, bytes: number): void => {
        const [source, target] = [all[from], all[to]];
        if (source === undefined || target === undefined || to === 0) return;
        apply(target, deltaFor(source, target, bytes));
        for (const held of target.all()) {
          const version = versions.get(Buffer.from(held.body).toString('hex') + recordId(held));
          t.not(version, undefined, 'never written');
          t.true((version ?? 0) >= (newest[to]?.get(recordId(held)) ?? 0), 'an older version again');
          newest[to]?.set(recordId(held), version ?? 0);
        }
      };
      for (const action of steps) {
        if (action.do === 'write') write(action.key, action.value, false);
        else if (action.do === 'delete') write(action.key, 0, true);
        else if (action.do === 'collect') log.forgetTombstones(Math.min(action.upTo, log.seq), () => {});
        else if (action.do === 'epoch') log.rewrite(++epoch as Epoch, () => {});
        else sync(action.from, action.to, action.bytes);
      }
      for (let round = 0; round < 40; round++) for (let to = 1; to < all.length; to++) sync(0, to, 40);
      for (const replica of all.slice(1)) {
        t.deepEqual(shown(replica), shown(log));
        t.is(replica.seq, log.seq);
        t.is(
          replica.bytes,
          [...replica.all()].reduce((sum, { key, body }) => sum + key.length + body.length + 13, 0),
        );
      }
    }),
    { numRuns: 1000 },
  );
});
