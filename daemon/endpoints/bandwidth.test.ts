import test from 'ava';
import { bandwidthKey, bandwidthSchema, defaultBurst, parseRate, tokenBucket } from './bandwidth.ts';

for (const [text, rate] of [
  ['100mbit', 1e8],
  ['1.5Gbit', 1.5e9],
  ['500kbit', 5e5],
  ['2000', 2000],
  ['2000bit', 2000],
  ['1tbit', 1e12],
  ['1000tbit', 1e15],
] as const) {
  test(`parseRate(${text})`, t => t.is(parseRate(text), rate));
}

for (const text of [
  '',
  '100',
  '10mbps',
  '-1mbit',
  '1e9',
  '1001tbit',
  '100 mbit',
  'mbit',
  '1kbit;x',
  '0constructor',
]) {
  test(`parseRate() refuses ${JSON.stringify(text)}`, t => {
    t.throws(() => parseRate(text), { code: 'invalid_argument', message: /is not a rate$/ });
  });
}

test('defaultBurst(): two super-frames, of high rates what they send in 10 ms', t => {
  t.is(defaultBurst(1000), 8 * 131_072);
  t.is(defaultBurst(1e9), 1e7);
  // What is filled in is legal itself, also of the highest rate.
  const { ingress } = bandwidthSchema.parse({ ingress: { rate: 1e15 } });
  t.notThrows(() => bandwidthSchema.parse({ ingress }));
});

for (const [title, limit, bucket] of [
  ['as asked for', { rate: 50e6, burst: 8e6 }, { rate: 50e6, burst: 1e6, limit: 312_500 }],
  [
    'a low rate still has room for super-frames',
    { rate: 1000, burst: 8e5 },
    { rate: 1000, burst: 1e5, limit: 131_072 },
  ],
  [
    'a burst that is smaller than a frame',
    { rate: 1e6, burst: 8 },
    { rate: 1e6, burst: 1468, limit: 131_072 },
  ],
  [
    'what containerd says for any burst',
    { rate: 1e6, burst: 2 ** 32 - 1 },
    { rate: 1e6, burst: 2 ** 29 - 1, limit: 131_072 },
  ],
  [
    'all that is legal fits 32 bits',
    { rate: 1e15, burst: 8 * (2 ** 32 - 1) },
    { rate: 1e15, burst: 2 ** 32 - 1, limit: 2 ** 32 - 1 },
  ],
] as const) {
  test(`tokenBucket(): ${title}`, t => t.deepEqual(tokenBucket(limit, 1450), bucket));
}

test('bandwidthKey() tells apart ways, rates and bursts', t => {
  const limit = { rate: 1000, burst: 1000 };
  const different = [undefined, { ingress: limit }, { egress: limit }, { ingress: limit, egress: limit }];
  const keys = [...different, { ingress: { ...limit, burst: 1 } }, { ingress: { ...limit, rate: 2000 } }].map(
    one => bandwidthKey(one),
  );
  t.is(new Set(keys).size, keys.length);
  t.is(bandwidthKey({}), bandwidthKey());
});
