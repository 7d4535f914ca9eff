import test from 'ava';
import fc from 'fast-check';
import { WeftError } from '../dataplane/errors.ts';
import { MsgpackReader, MsgpackWriter, type Scalar, TruncatedError } from './msgpack.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

function scalar(bytes: string) {
  return new MsgpackReader(hex(`81 a1 61 ${bytes}`)).fields().get('a');
}

test('MsgpackWriter writes unsigned integers in the shortest form', t => {
  const forms: readonly [number, string][] = [
    [0, '00'],
    [127, '7f'],
    [128, 'cc80'],
    [255, 'ccff'],
    [256, 'cd0100'],
    [65_535, 'cdffff'],
    [65_536, 'ce00010000'],
    [0xffff_ffff, 'ceffffffff'],
    [0x1_0000_0000, 'cf0000000100000000'],
  ];
  for (const [value, expected] of forms) {
    t.is(Buffer.from(new MsgpackWriter().unsigned(value).bytes()).toString('hex'), expected);
  }
});

test('MsgpackWriter writes texts as raw of the old specification, never as str8 or bin', t => {
  for (const [length, head] of [
    [0, 'a0'],
    [31, 'bf'],
    [32, 'da0020'],
    [255, 'da00ff'],
    [65_535, 'daffff'],
    [65_536, 'db00010000'],
  ] as const) {
    const bytes = Buffer.from(new MsgpackWriter().text('x'.repeat(length)).bytes());
    t.is(bytes.subarray(0, head.length / 2).toString('hex'), head);
    t.is(bytes.length, head.length / 2 + length);
  }
});

test('MsgpackReader reads every scalar of the dialect', t => {
  const values: readonly [string, Scalar][] = [
    ['05', 5],
    ['ff', -1],
    ['e0', -32],
    ['cc80', 128],
    ['cd1f14', 7956],
    ['ceffffffff', 0xffff_ffff],
    ['cf0000000100000000', 0x1_0000_0000],
    ['cfffffffffffffffff', 0xffff_ffff_ffff_ffffn],
    ['d080', -128],
    ['d1ff00', -256],
    ['d2ffff0000', -65_536],
    ['d3ffffffff00000000', -0x1_0000_0000],
    ['c0', null],
    ['c2', false],
    ['c3', true],
    ['ca3fc00000', 1.5],
    ['cb3ff8000000000000', 1.5],
  ];
  for (const [bytes, expected] of values) t.is(scalar(bytes), expected, bytes);
  for (const raw of ['a26869', 'd9026869', 'da00026869', 'db000000026869', 'c4026869']) {
    t.deepEqual(scalar(raw), Buffer.from('hi'), raw);
  }
});

test('MsgpackReader skips nested values and keeps what follows them', t => {
  const fields = new MsgpackReader(hex('82 a1 61 93 01 92 02 03 81 a1 78 c0 a1 62 07')).fields();
  t.false(fields.has('a'));
  t.is(fields.get('b'), 7);
});

test('MsgpackReader refuses nesting that would exhaust the stack', t => {
  const bomb = Buffer.concat([hex('81 a1 61'), Buffer.alloc(10_000, 0x91), hex('01')]);
  t.throws(() => new MsgpackReader(bomb).fields(), { instanceOf: WeftError, message: /nested/ });
});

test('MsgpackReader refuses a count before it loops over it', t => {
  t.throws(() => new MsgpackReader(hex('df ffffffff')).fields(), { instanceOf: TruncatedError });
  t.throws(() => new MsgpackReader(hex('81 a1 61 dd ffffffff 01')).fields(), { instanceOf: TruncatedError });
});

test('MsgpackReader throws truncated at every cut of a message, and nothing else', t => {
  const whole = hex('83 a1 61 cd1f14 a1 62 92 a2 6869 c3 a1 63 cb3ff8000000000000');
  t.is(new MsgpackReader(whole).fields().size, 2);
  for (let length = 0; length < whole.length; length++) {
    t.throws(() => new MsgpackReader(whole.subarray(0, length)).fields(), { instanceOf: TruncatedError });
  }
});

test('MsgpackReader throws only malformed, whatever the bytes', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        new MsgpackReader(bytes).fields();
      } catch (error) {
        return error instanceof WeftError && error.code === 'malformed';
      }
      return true;
    }),
    { seed: 7, numRuns: 5000 },
  );
  t.pass();
});
