import test from 'ava';
import fc from 'fast-check';
import { addRange, checksum, finish, finishUdp, fold, updateChecksum } from './checksum.ts';
import { concat, viewOf } from './testing/frames.ts';

test('addRange() and fold(): the numerical example of RFC 1071 section 3', t => {
  const view = viewOf(Buffer.from('0001f203f4f5f6f7', 'hex'));
  t.is(addRange(0, view, 0, 8), 0x2ddf0);
  t.is(fold(0x2ddf0), 0xddf2);
  t.is(checksum(view, 0, 8), 0x220d);
});

test('addRange() counts an odd last byte as the high half of a word, and reads nothing behind it', t => {
  const bytes = Uint8Array.of(0x12, 0x34, 0x56);
  t.is(addRange(1, viewOf(bytes), 0, 3), 1 + 0x1234 + 0x5600);
  t.is(addRange(0, viewOf(bytes), 3, 0), 0);
});

test('fold() carries round as often as it takes, also beyond 32 bits', t => {
  t.is(fold(0x1_ffff), 1);
  t.is(fold(0xffff_ffff), 0xffff);
  t.is(fold(0xffff * 2 ** 21), 0xffff);
  t.is(fold(0), 0);
});

test('finishUdp() never gives zero (RFC 768)', t => {
  t.is(finish(0xffff), 0);
  t.is(finishUdp(0xffff), 0xffff);
  t.is(finishUdp(0x1234), finish(0x1234));
});

test('updateChecksum(): the example of RFC 1624 section 4, where RFC 1141 fails', t => {
  t.is(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000);
});

test('updateChecksum() gives what a full computation gives', t => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }).filter(bytes => bytes[0] !== 0),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(0xffff),
      (bytes, word, after) => {
        const view = viewOf(concat(bytes));
        const before = view.getUint16(word * 2);
        const old = checksum(view, 0, 20);
        view.setUint16(word * 2, after);
        return updateChecksum(old, before, after) === checksum(view, 0, 20);
      },
    ),
    { seed: 1624, numRuns: 5000 },
  );
  t.pass();
});
