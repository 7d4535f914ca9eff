import test from 'ava';
import fc from 'fast-check';
import { lzwDecode, lzwEncode } from './lzw.ts';
import { randomInteger, seededRandom } from './random.ts';

const MAX = 1 << 20;

/** Of the tests of Go's compress/lzw; `canonical`: what its encoder writes, the first code being a clear. */
const VECTORS: readonly { readonly plain: Buffer; readonly packed: string; readonly canonical: boolean }[] = [
  { plain: Buffer.of(), packed: '000302', canonical: true },
  { plain: Buffer.of(), packed: '0101', canonical: false },
  {
    plain: Buffer.from('TOBEORNOTTOBEORTOBEORNOT'),
    packed: '549e0829f2448a932754041234b8b0e0c1840101',
    canonical: false,
  },
  {
    plain: Buffer.from('28ffffff28ffffffffffffffffffff', 'hex'),
    packed: '0051fc1b2870a0c1830101',
    canonical: true,
  },
];

test('lzwDecode and lzwEncode agree with Go', t => {
  for (const { plain, packed, canonical } of VECTORS) {
    t.deepEqual(Buffer.from(lzwDecode(Buffer.from(packed, 'hex'), MAX) ?? []), plain, packed);
    if (canonical) t.is(Buffer.from(lzwEncode(plain)).toString('hex'), packed);
  }
});

test('lzwDecode inverts lzwEncode', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, max: 3 }), bytes => {
      const back = lzwDecode(lzwEncode(bytes), bytes.length);
      t.is(back === undefined ? -1 : Buffer.compare(back, bytes), 0);
    }),
    { numRuns: 300 },
  );
  const random = seededRandom(11);
  // Around the sizes at which the codes grow and the table is cleared, and far beyond.
  for (const size of [1, 254, 255, 256, 257, 510, 512, 1023, 2046, 3836, 3837, 3838, 3839, 7674, 100_000]) {
    for (const values of [1, 2, 256]) {
      const bytes = Uint8Array.from({ length: size }, () => randomInteger(random, values));
      const back = lzwDecode(lzwEncode(bytes), size);
      t.true(back !== undefined && Buffer.compare(back, bytes) === 0, `${size} of ${values}`);
    }
  }
});

test('lzwDecode holds no more than it may', t => {
  const bomb = lzwEncode(new Uint8Array(1 << 20));
  t.true(bomb.length < 2200, `${bomb.length}`);
  t.is(lzwDecode(bomb, (1 << 20) - 1), undefined);
  t.is(lzwDecode(bomb, 1 << 20)?.length, 1 << 20);
  t.is(lzwDecode(lzwEncode(Uint8Array.of(1)), 0), undefined);
});

test('lzwDecode refuses what is cut short and codes that are not defined', t => {
  const whole = lzwEncode(Buffer.from('TOBEORNOTTOBEORTOBEORNOT'));
  for (let length = 0; length < whole.length; length++) {
    t.throws(() => lzwDecode(whole.subarray(0, length), MAX), { code: 'malformed' });
  }
  // A clear code, then 300.
  t.throws(() => lzwDecode(Buffer.from('005902', 'hex'), MAX), { code: 'malformed' });
});

test('lzwDecode takes a table that is full and never cleared', t => {
  const random = seededRandom(3);
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: 9000 }, () => randomInteger(random, 256));
    bytes[0] = 0;
    bytes[1] = (bytes[1] ?? 0) | 1;
    try {
      lzwDecode(bytes, 1 << 16);
    } catch (error) {
      t.is((error as { readonly code?: string }).code, 'malformed');
    }
  }
  t.pass();
});
