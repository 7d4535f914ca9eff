import test from 'ava';
import fc from 'fast-check';
import { BUCKET_BYTES, MAX_RATE, TokenBucket } from './token-bucket.ts';

function setUp(rate: number, threads = 1) {
  const state = new SharedArrayBuffer(BUCKET_BYTES);
  const ms = new Float64Array([1e9]);
  const buckets = Array.from({ length: threads }, () => new TokenBucket({ time: { ms }, state }, { rate }));
  const [bucket] = buckets as [TokenBucket];
  const wait = (time: number) => {
    ms[0] = (ms[0] as number) + time;
  };
  /** How many frames pass until one does not. */
  const passing = (most = 1e6) => {
    let passed = 0;
    while (passed < most && bucket.take(1)) passed++;
    return passed;
  };
  return { buckets, bucket, wait, passing };
}

test('a second’s worth at once, and then a quarter of it each quarter of a second', t => {
  const { passing, wait } = setUp(1000);
  t.is(passing(), 1000);
  t.is(passing(), 0);
  wait(250);
  t.is(passing(), 250);
  wait(500);
  t.is(passing(), 500);
  wait(3600_000);
  t.is(passing(), 1000, 'never more than that');
});

test('1 frame a second passes 1 frame a second', t => {
  const { passing, wait } = setUp(1);
  t.is(passing(), 1);
  for (let quarter = 0; quarter < 3; quarter++) {
    wait(250);
    t.is(passing(), 0);
  }
  wait(250);
  t.is(passing(), 1);
});

test('a frame that does not pass costs nothing', t => {
  const { bucket, passing } = setUp(100);
  t.true(bucket.take(60));
  t.false(bucket.take(60));
  t.is(passing(), 40);
});

test('a super-frame of more than a second’s worth passes a full bucket, and pays for it', t => {
  const { bucket, passing, wait } = setUp(10);
  t.true(bucket.take(45));
  wait(1000);
  t.is(passing(), 0);
  wait(3500);
  t.is(passing(), 10);
});

test('several threads have one limit', t => {
  const { buckets } = setUp(100, 4);
  let passed = 0;
  for (let i = 0; i < 1000; i++) if (buckets[i % 4]?.take(1)) passed++;
  t.is(passed, 100);
});

test('the greatest rate does not overflow', t => {
  const { bucket, wait } = setUp(MAX_RATE);
  t.true(bucket.take(MAX_RATE));
  t.false(bucket.take(1));
  wait(1e9);
  t.true(bucket.take(MAX_RATE));
});

test('any history: within any time no more passes than the rate gives, and a burst', t => {
  const step = fc.record({ wait: fc.nat(2000), frames: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(fc.array(step), fc.integer({ min: 50, max: 500 }), (steps, rate) => {
      const { bucket, wait } = setUp(rate);
      let elapsed = 0;
      let passed = 0;
      for (const { wait: ms, frames } of steps) {
        wait(ms);
        elapsed += ms;
        if (bucket.take(frames)) passed += frames;
      }
      return passed <= rate + (rate * (elapsed + 250)) / 1000;
    }),
    { seed: 2697 },
  );
  t.pass();
});
