import test from 'ava';
import { WeftError } from './errors.ts';
import { carriesIpv6, checkInnerMtu, innerMtu, maxInnerFrame, overhead, superFrameSegments } from './mtu.ts';
import { pattern, udpFrame, vxlanFrame } from './testing/frames.ts';

test('overhead() is 50 over IPv4 and 70 over IPv6, as the bytes of a real packet say', t => {
  t.is(overhead(4), 50);
  t.is(overhead(6), 70);
  const inner = udpFrame({ payload: pattern(100) });
  for (const family of [4, 6] as const) {
    const outer = vxlanFrame(1 as never, inner, { family });
    t.is(outer.length - 14 - (inner.length - 14), overhead(family));
  }
});

test('innerMtu() and maxInnerFrame(): what is left of an underlay', t => {
  const cases: [number, 4 | 6, number][] = [
    [1500, 4, 1450],
    [1500, 6, 1430],
    [9000, 4, 8950],
    [576, 4, 526],
    [1280, 6, 1210],
    [65_535, 4, 65_485],
    [65_536, 4, 65_485],
    [65_536, 6, 65_465],
  ];
  for (const [underlay, family, inner] of cases) {
    t.is(innerMtu(underlay, family), inner, `${underlay} over IPv${family}`);
    t.is(maxInnerFrame(underlay, family), inner + 14);
  }
});

test('innerMtu() refuses an underlay that is no IP link', t => {
  for (const [underlay, family] of [
    [575, 4],
    [0, 4],
    [-1, 4],
    [1500.5, 4],
    [Number.NaN, 4],
    [1279, 6],
  ] as const) {
    const error = t.throws(() => innerMtu(underlay, family), { instanceOf: WeftError });
    t.is(error.code, 'invalid_argument');
    t.true(error.line.includes(`the underlay MTU is ${underlay}`) && error.line.includes('raise'));
  }
});

test('checkInnerMtu(): from 68 to what fits', t => {
  t.is(checkInnerMtu(68, 1500, 4), 68);
  t.is(checkInnerMtu(1450, 1500, 4), 1450);
  const small = t.throws(() => checkInnerMtu(67, 1500, 4), { instanceOf: WeftError });
  t.is(
    small.line,
    'an MTU of 67 is too small for IPv4, which needs 68; choose 1280 or more, so that IPv6 works too',
  );
  const large = t.throws(() => checkInnerMtu(1431, 1500, 6), { instanceOf: WeftError });
  t.is(
    large.line,
    'an MTU of 1431 does not fit an underlay MTU of 1500: VXLAN over IPv6 adds 70; choose 1430 or less, or "auto"',
  );
});

test('carriesIpv6(): 1280 and more', t => {
  t.false(carriesIpv6(1279));
  t.true(carriesIpv6(1280));
});

test('superFrameSegments(): as many full frames as one send carries, and not one more', t => {
  t.is(superFrameSegments(1450, 4), 44);
  t.is(superFrameSegments(1430, 6), 45);
  t.is(superFrameSegments(8950, 4), 7);
  t.is(superFrameSegments(68, 4), 128, 'UDP_MAX_SEGMENTS');
  t.is(superFrameSegments(65_485, 4), 1);
  t.is(superFrameSegments(65_465, 6), 1);
  for (let mtu = 1000; mtu < 9000; mtu += 7) {
    const most = superFrameSegments(mtu, 4);
    t.true(most < 128 && most * (8 + 14 + mtu) <= 65_507 && (most + 1) * (8 + 14 + mtu) > 65_507);
  }
});
