import test from 'ava';
import { parseBandwidth } from './bandwidth.ts';
import { CniError } from './cni-error.ts';

function parse(keys: Readonly<Record<string, unknown>>) {
  return parseBandwidth([{ where: 'here', keys }]);
}

test('rates with and without a burst, one way or both; zero is none', t => {
  t.deepEqual(
    parse({ ingressrate: 8_000_000, ingressburst: 1_000_000, egressrate: 16_000_000, other: 'x' }),
    {
      ingress: { rate: 8_000_000, burst: 1_000_000 },
      egress: { rate: 16_000_000, burst: 1_048_576 },
    },
  );
  t.deepEqual(parse({ ingressrate: 0, ingressburst: 0, egressrate: 1000, egressburst: null }), {
    egress: { rate: 1000, burst: 1_048_576 },
  });
  for (const none of [{}, { ingressrate: 0, egressrate: null }]) t.is(parse(none), undefined);
});

test('the first place that names a rate counts as a whole', t => {
  const own = { where: 'own', keys: { ingressrate: 1000, egressrate: 1000 } };
  t.deepEqual(parseBandwidth([{ where: 'runtime', keys: { egressrate: 2000 } }, own]), {
    egress: { rate: 2000, burst: 1_048_576 },
  });
  t.deepEqual(Object.keys(parseBandwidth([{ where: 'runtime', keys: {} }, own]) ?? {}), [
    'ingress',
    'egress',
  ]);
});

for (const [keys, message] of [
  [{ ingressburst: 8000 }, /^here: ingressBurst is given without ingressRate$/],
  [{ egressrate: 0, egressburst: 8000 }, /^here: egressBurst is given without egressRate$/],
  [{ ingressrate: -1 }, /^here\.ingress\.rate: -1 is not a rate in bits per second/],
  [{ egressrate: 1.5e6 + 0.5 }, /^here\.egress\.rate: 1500000\.5 is not/],
  [{ egressrate: 2e15 }, /^here\.egress\.rate: /],
  [{ egressrate: 1e6, egressburst: -5 }, /^here\.egress\.burst: -5 is not a burst in bits/],
  [{ egressrate: 1e6, egressburst: 2 ** 35 }, /^here\.egress\.burst: /],
  [{ egressrate: '10M' }, /^here\.egressrate: /],
] as const) {
  test(`refused with error 7: ${JSON.stringify(keys)}`, t => {
    t.is(t.throws(() => parse(keys), { instanceOf: CniError, message })?.code, 7);
  });
}
