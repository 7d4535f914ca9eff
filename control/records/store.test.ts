import test from 'ava';
import type { Vni } from '../../dataplane/address.ts';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { DigestHash, sameHash } from './digest-hash.ts';
import type { Epoch } from './epoch.ts';
import type { Delta } from './frame.ts';
import { BLOCK_TIME, MAX_SEQUENCE, RATE_PAUSE, SCOPE_MAX_ORIGINS } from './limits.ts';
import { OriginLog } from './origin-log.ts';
import { RecordStore, STORE_LIMITS, type StoreLimits } from './store.ts';

const BLUE = 42 as Vni;
const RED = 43 as Vni;
const EPOCH = 5 as Epoch;

function makeStore(limits: Partial<StoreLimits> = {}) {
  const clock = new ManualClock();
  const exceeded: string[] = [];
  const store = new RecordStore(
    { clock },
    { limits: { ...STORE_LIMITS, ...limits }, onRecord: () => {}, onQuota: origin => exceeded.push(origin) },
  );
  const own = new OriginLog('me', BLUE);
  own.rewrite(EPOCH, () => {});
  store.open(BLUE, own);
  return { clock, exceeded, store };
}

function delta(origin: string, count: number, more: Partial<Delta> = {}): Delta {
  const records = Array.from({ length: count }, (_, index) => ({
    seq: index + 1,
    kind: 3,
    key: Uint8Array.of(index >> 8, index & 0xff),
    body: new Uint8Array(8),
    deleted: false,
  }));
  return {
    type: 'delta',
    vni: BLUE,
    origin,
    epoch: EPOCH,
    from: 0,
    to: count,
    head: count,
    gc: 0,
    relay: false,
    records,
    ...more,
  };
}

test('only networks that we carry are held, and nothing of them after we have left', t => {
  const { store } = makeStore();
  t.is(store.apply(delta('vm', 3, { vni: RED })), 'notCarried');
  t.is(store.apply(delta('vm', 3)), 'applied');
  t.true(store.bytes > 0);
  store.close(BLUE);
  t.is(store.bytes, 0);
  t.is(store.apply(delta('vm', 3)), 'notCarried');
});

test('a gap at the very beginning leaves nothing behind', t => {
  const { store } = makeStore();
  t.is(store.apply(delta('vm', 0, { from: 4, to: 5, head: 5 })), 'gap');
  t.is(store.log(BLUE, 'vm'), undefined);
});

for (const [name, limits, count] of [
  ['records', { recordsPerOrigin: 10 }, 11],
  ['bytes', { bytesPerOrigin: 100 }, 5],
  ['bytes of all', { bytes: 100 }, 5],
  ['origins', { originsPerScope: 0 }, 1],
] as const) {
  test(`an origin beyond its quota of ${name} is refused, said so once, and left alone for a while`, t => {
    const { clock, exceeded, store } = makeStore(limits);
    t.is(store.apply(delta('vm', count)), 'refused');
    t.is(store.apply(delta('vm', count)), 'refused');
    t.deepEqual(exceeded, ['vm']);
    t.deepEqual(
      store.digest(BLUE, 1, new Set([0])).filter(({ origin }) => origin === 'vm'),
      [{ origin: 'vm', epoch: EPOCH, seq: MAX_SEQUENCE, gc: 0 }],
      'peers see no reason to send it',
    );
    clock.advance(BLOCK_TIME);
    store.tidy();
    t.is(store.apply(delta('vm', count)), 'refused');
    t.is(exceeded.length, 2);
  });
}

test('an origin that writes faster than its rate is not listened to for a while; nothing of others is refused', t => {
  const { clock, store } = makeStore({ recordsPerSecond: 10, burstRecords: 30 });
  const after = (from: number, count: number): Delta => {
    const records = delta('vm', from + count).records.slice(from);
    return delta('vm', from + count, { from, records });
  };
  t.is(store.apply(after(0, 30)), 'applied');
  t.is(store.apply(after(0, 30)), 'known', 'what is known costs nothing');
  t.is(store.apply(after(30, 1)), 'rate');
  clock.advance(100);
  t.is(store.apply(after(30, 1)), 'rate', 'although one may pass by now');
  t.deepEqual(
    store.digest(BLUE, 1, new Set([0])).find(({ origin }) => origin === 'vm'),
    { origin: 'vm', epoch: EPOCH, seq: MAX_SEQUENCE, gc: 0 },
    'peers are told not to send it',
  );
  t.is(store.apply(delta('other', 30)), 'applied');
  clock.advance(RATE_PAUSE);
  t.is(store.apply(after(30, 1)), 'applied');
  t.is(store.log(BLUE, 'vm')?.seq, 31);
});

test('a tombstone is taken beyond any quota', t => {
  const { store } = makeStore({ recordsPerOrigin: 3 });
  t.is(store.apply(delta('vm', 3)), 'applied');
  const gone = { seq: 4, kind: 3, key: Uint8Array.of(0, 0), body: new Uint8Array(0), deleted: true };
  t.is(store.apply(delta('vm', 0, { from: 3, to: 4, head: 4, records: [gone] })), 'applied');
});

test('what was erased is not taken back from others, but from the next life', t => {
  const { store } = makeStore();
  store.apply(delta('vm', 3));
  t.deepEqual(store.refuse('vm'), [BLUE]);
  t.is(store.apply(delta('vm', 3)), 'refused');
  t.is(store.apply(delta('vm', 3, { epoch: 6 as Epoch })), 'applied');
  t.is(store.apply(delta('vm', 3)), 'refused');
  store.refuse('vm');
  store.welcome('vm', 6 as Epoch);
  t.is(
    store.apply(delta('vm', 3, { epoch: 6 as Epoch })),
    'applied',
    'it was away for a day, and is the same',
  );
});

test('equal logs have equal hashes, in whatever order they came, and any difference shows', t => {
  const origins = Array.from({ length: 200 }, (_, index) => `vm-${index}`);
  const [one, other] = [makeStore().store, makeStore().store];
  for (const origin of origins) one.apply(delta(origin, 3));
  for (const origin of origins.toReversed()) other.apply(delta(origin, 3));
  t.deepEqual(one.hash(BLUE), other.hash(BLUE));
  t.is(one.bucketCount(BLUE), 8);
  t.deepEqual(one.buckets(BLUE, 8), other.buckets(BLUE, 8));
  one.apply(delta('vm-7', 0, { from: 3, to: 4, head: 4 }));
  t.notDeepEqual(one.hash(BLUE), other.hash(BLUE));
  const differing = one
    .buckets(BLUE, 8)
    .filter((hash, index) => !sameHash(hash, other.buckets(BLUE, 8)[index] ?? [0, 0]));
  t.is(differing.length, 1);
  one.refuse('vm-7');
  other.refuse('vm-7');
  t.deepEqual(one.hash(BLUE), other.hash(BLUE));
});

test('a hash is that of a set: what is put in twice is not in it', t => {
  const hash = new DigestHash();
  const log = new OriginLog('vm', BLUE);
  hash.toggle(log);
  t.notDeepEqual(hash.whole(), [0, 0]);
  hash.toggle(log);
  t.deepEqual(hash.whole(), [0, 0]);
});

test('comparing digests finds what each lacks', t => {
  const [one, other] = [makeStore().store, makeStore().store];
  one.apply(delta('only-one', 3));
  one.apply(delta('both', 3));
  other.apply(delta('both', 5));
  other.apply(delta('only-other', 2));
  const all = { bucketCount: 1, buckets: new Set([0]) };
  const { behind, want } = one.compare(BLUE, other.digest(BLUE, 1, new Set([0])), all);
  t.deepEqual(behind, [{ origin: 'only-one', from: 0 }]);
  t.deepEqual(want.map(({ origin, seq }) => [origin, seq]).sort(), [
    ['both', 3],
    ['only-other', 0],
  ]);
  t.deepEqual(
    other
      .compare(BLUE, want)
      .behind.map(({ origin, from }) => [origin, from])
      .sort(),
    [
      ['both', 3],
      ['only-other', 0],
    ],
  );
});

test('origins that are made up are refused beyond the limit, and no more of them remembered than there can be', t => {
  const { store } = makeStore({ originsPerScope: 1 });
  for (let n = 0; n < SCOPE_MAX_ORIGINS + 100; n++)
    t.is(store.apply(delta(`vm-${n}`, 1)), n === 0 ? 'applied' : 'refused');
  t.is(store.digest(BLUE, 1, new Set([0])).length, 1 + SCOPE_MAX_ORIGINS);
});
