import test from 'ava';
import fc from 'fast-check';
import type { Block } from './block.ts';
import { type Command, decodeValue, encodeCommand } from './command.ts';
import { CouncilState, RESTING } from './council-state.ts';
import type { Incarnation } from './incarnation.ts';

const inc = (generation: number, low = 1): Incarnation => (generation * 2 ** 32 + low) as Incarnation;
const A = { node: 'a', incarnation: inc(1, 7), session: 1 };
const B = { node: 'b', incarnation: inc(1, 8), session: 1 };
const C = { node: 'c', incarnation: inc(1, 9), session: 1 };
const LOW: Block = { offset: 0n, bits: 4 };
const HIGH: Block = { offset: 16n, bits: 4 };

/** `a` votes, `b` and `c` are there, `a` has the first sixteen addresses. */
function network(): CouncilState {
  const state = CouncilState.found([6], [{ name: 'a', incarnation: A.incarnation }]);
  run(
    state,
    { kind: 'confirm', ...B, session: 0, nonce: 1 },
    { kind: 'confirm', ...C, session: 0, nonce: 2 },
  );
  run(state, { kind: 'grant', ...A, wish: 1, space: 0, block: LOW });
  return state;
}

function run(state: CouncilState, ...commands: Command[]): boolean[] {
  const valid = state.apply(Buffer.concat(commands.map(encodeCommand)));
  return commands.map(command =>
    valid.some(one => Buffer.compare(encodeCommand(one), encodeCommand(command)) === 0),
  );
}

const grant = { kind: 'grant', wish: 2, space: 0, block: HIGH } as const;
const cases: [string, Command, boolean][] = [
  ['what is unowned is granted', { ...grant, ...B }, true],
  ['what is owned is not', { ...grant, ...B, block: LOW }, false],
  ['nor a block that overlaps it', { ...grant, ...B, block: { offset: 0n, bits: 5 } }, false],
  ['nor one beyond the space', { ...grant, ...B, block: { offset: 64n, bits: 4 } }, false],
  ['nor one of another space', { ...grant, ...B, space: 1 }, false],
  ['nor to somebody unknown', { ...grant, ...B, node: 'z' }, false],
  ['nor to an earlier start', { ...grant, ...B, session: 0 }, false],
  ['nor to another life', { ...grant, ...B, incarnation: inc(1, 99) }, false],
  ['nor twice', { ...grant, ...A, wish: 1 }, false],
  [
    'an owner gives',
    { kind: 'give', ...A, wish: 2, space: 0, block: { offset: 8n, bits: 3 }, to: 'b' },
    true,
  ],
  [
    'only what is his',
    { kind: 'give', ...A, wish: 2, space: 0, block: { offset: 0n, bits: 5 }, to: 'b' },
    false,
  ],
  ['nobody gives for another', { kind: 'give', ...B, wish: 2, space: 0, block: LOW, to: 'b' }, false],
  ['and not to somebody unknown', { kind: 'give', ...A, wish: 2, space: 0, block: LOW, to: 'z' }, false],
  ['who is silent is forgotten', { kind: 'forget', ...B }, true],
  ['not in a start that came later', { kind: 'forget', ...B, session: 0 }, false],
  ['not the last voter', { kind: 'forget', ...A }, false],
  ['voters are elected', { kind: 'voters', basis: 0, names: ['c', 'a', 'b'] }, true],
  ['not on the basis of others', { kind: 'voters', basis: 2, names: ['b'] }, false],
  ['not whom nobody knows', { kind: 'voters', basis: 0, names: ['a', 'b', 'z'] }, false],
  ['not nobody', { kind: 'voters', basis: 0, names: [] }, false],
  ['a start is confirmed', { kind: 'confirm', ...B, nonce: 5 }, true],
  ['not twice from the same', { kind: 'confirm', ...B, session: 0, nonce: 5 }, false],
  ['nor an earlier life', { kind: 'confirm', ...B, incarnation: inc(0, 5), session: 0, nonce: 5 }, false],
];

for (const [title, command, isValid] of cases) {
  test(title, t => {
    const state = network();
    const before = state.clone();
    t.deepEqual(run(state, command), [isValid]);
    t.deepEqual(decodeValue(encodeCommand(command)), [command]);
    if (isValid) return;
    before.number = state.number;
    before.chain = state.chain;
    t.deepEqual(state.encode(), before.encode(), 'nothing has changed');
  });
}

test('what was of a forgotten node rests, and its wishes are void', t => {
  const state = network();
  run(state, { kind: 'voters', basis: 0, names: ['a', 'b', 'c'] });
  run(state, { kind: 'forget', ...A });
  t.is(state.spaces[0]?.at(3n), RESTING);
  t.deepEqual(
    state.voters.map(({ name }) => name),
    ['b', 'c'],
  );
  t.deepEqual(run(state, { ...grant, ...A }), [false]);
  t.deepEqual(run(state, { kind: 'confirm', ...A, nonce: 3 }), [false], 'it cannot come back as who it was');
  t.deepEqual(run(state, { kind: 'confirm', ...A, incarnation: inc(2), session: 0, nonce: 3 }), [true]);
  t.deepEqual(run(state, { ...grant, ...B, block: LOW }), [true]);
});

test('a node that lost its disk gives up what it had', t => {
  const state = network();
  run(state, { kind: 'voters', basis: 0, names: ['a', 'b', 'c'] });
  t.deepEqual(run(state, { kind: 'confirm', ...A, incarnation: inc(2), session: 0, nonce: 3 }), [true]);
  t.is(state.spaces[0]?.at(3n), RESTING);
  t.false(state.isVoter({ name: 'a', incarnation: inc(2) }));
});

test('a start that is confirmed makes an earlier forgetting void', t => {
  const state = network();
  t.deepEqual(run(state, { kind: 'confirm', ...B, nonce: 5 }, { kind: 'forget', ...B }), [true, false]);
});

test('a value that nobody can read is a decision that does nothing', t => {
  const state = network();
  t.deepEqual(state.apply(Uint8Array.of(99, 1, 2)), []);
  t.is(state.number, 3);
});

test('a snapshot is the state, and nonsense is refused', t => {
  const state = network();
  run(state, { kind: 'forget', ...B }, { ...grant, ...C });
  const bytes = state.encode();
  const copy = CouncilState.decode(bytes, [6]);
  t.deepEqual(copy.encode(), bytes);
  for (const other of [state, copy]) run(other, { kind: 'voters', basis: 0, names: ['c'] });
  t.deepEqual(copy.encode(), state.encode());
  t.throws(() => CouncilState.decode(bytes, [6, 64]), { code: 'malformed' });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), junk => {
      try {
        CouncilState.decode(junk, [6]);
        return true;
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'malformed';
      }
    }),
  );
});
