/**
 * Wrong arguments to the addon, one after the other: each throws, and no memory is touched. What ports do when they are
 * closed, detached or ended under way is native/lifecycle.test.ts.
 */
import test from 'ava';
import { FrameBatch, GSO_TCPV4 } from '../frame-batch.ts';
import { batchIo } from '../native/batch-io.ts';
import { pattern } from '../testing/frames.ts';
import { describeSuperFrame, superFrame } from '../testing/super-frames.ts';

type Call = (...args: readonly unknown[]) => unknown;

const FRAME = superFrame({ protocol: 'tcp', payload: pattern(100), gsoSize: 40 });
/** The table of pieces lies behind 512 bytes for the frame. */
const TABLE = 512;
const PIECES = 64;

function setUp() {
  const arena = new ArrayBuffer(TABLE + 8 * PIECES);
  new Uint8Array(arena).set(FRAME.bytes);
  const batch = new FrameBatch(2);
  batch.setLength(0, FRAME.bytes.length);
  describeSuperFrame(batch, 0, FRAME);
  const output = new FrameBatch(2);
  const out = new ArrayBuffer(1024);
  return { arena, batch, output, out };
}

type World = ReturnType<typeof setUp>;

/** Good arguments of each function; the tests put wrong ones in their places. */
const GOOD: Readonly<Record<string, (world: World) => readonly unknown[]>> = {
  completeChecksum: ({ arena, batch }) => [arena, batch.memory, 1],
  segmentFrame: ({ arena, batch, out }) => [arena, batch.memory, out],
  coalesce: ({ arena, batch, output }) => [arena, TABLE, PIECES, batch.memory, 1, output.memory, 3],
};

const NUMBERS: readonly unknown[] = [
  -1,
  1.5,
  Number.NaN,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  Number.POSITIVE_INFINITY,
  '1',
  null,
  {},
];
const BUFFERS: readonly unknown[] = [
  undefined,
  null,
  1,
  'arena',
  {},
  new Uint8Array(2048),
  new DataView(new ArrayBuffer(2048)),
  new SharedArrayBuffer(2048),
  detached(),
];

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(2048);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

function snapshot({ arena, batch, output, out }: World): string {
  return [arena, batch.memory, output.memory, out].map(memory => Buffer.from(memory).toString('hex')).join();
}

for (const [name, arguments_] of Object.entries(GOOD)) {
  test(`${name}() takes good arguments, and no argument that is none`, t => {
    const call = (batchIo as unknown as Record<string, Call>)[name] as Call;
    t.notThrows(() => call(...arguments_(setUp())));
    for (const [position, good] of arguments_(setUp()).entries()) {
      for (const wrong of typeof good === 'number' ? NUMBERS : BUFFERS) {
        const world = setUp();
        const before = snapshot(world);
        const args = [...arguments_(world)];
        args[position] = wrong;
        const error = t.throws(() => call(...args), undefined, `argument ${position}: ${String(wrong)}`);
        t.true(error instanceof RangeError || error instanceof TypeError);
        t.is(snapshot(world), before);
      }
      t.throws(() => call(...arguments_(setUp()).slice(0, position)), undefined, `${position} arguments`);
    }
  });
}

test('coalesce() refuses a table of pieces that is not aligned, or passes the end', t => {
  const { arena, batch, output } = setUp();
  for (const [table, pieces] of [
    [TABLE + 1, PIECES - 1],
    [TABLE + 4, PIECES - 1],
    [TABLE, PIECES + 1],
    [arena.byteLength, 1],
  ] as const) {
    t.throws(() => batchIo.coalesce(arena, table, pieces, batch.memory, 1, output.memory, 3), {
      instanceOf: RangeError,
    });
  }
  t.notThrows(() => batchIo.coalesce(arena, arena.byteLength, 0, batch.memory, 1, output.memory, 3));
});

test('descriptors that point outside the arena are refused, wherever they point', t => {
  for (const [offset, length] of [
    [0, 1 << 20],
    [1025, 0],
    [0xffff_ffff, 0xffff_ffff],
    [0xffff_ffff, 1],
    [1024, 1],
    [0, 0xffff_ffff],
    [4, 64], // its encapsulation would begin before the arena
  ] as const) {
    const { arena, batch, output, out } = setUp();
    batch.setOffset(0, offset);
    batch.setLength(0, length);
    batch.setEncapLength(0, 8);
    batch.setGsoType(0, GSO_TCPV4);
    const before = Buffer.from(arena.slice(0));
    t.not(batchIo.completeChecksum(arena, batch.memory, 0), 0, `${offset}, ${length}`);
    t.true(batchIo.segmentFrame(arena, batch.memory, out) < 0);
    t.throws(() => batchIo.coalesce(arena, TABLE, PIECES, batch.memory, 1, output.memory, 3), {
      instanceOf: RangeError,
    });
    t.true(before.equals(Buffer.from(arena)));
  }
});
