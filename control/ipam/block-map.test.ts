import test from 'ava';
import fc from 'fast-check';
import { type Block, blockAround, blockSize, blocksOf, halves, holds, isAligned } from './block.ts';
import { BlockMap } from './block-map.ts';

const BITS = 6;
const block = fc
  .tuple(fc.bigInt(0n, 63n), fc.integer({ min: 0, max: BITS }))
  .map(([offset, bits]) => blockAround(offset, bits));

test('blocks of a range are aligned, in order, and cover it', t => {
  const range = fc.tuple(fc.bigInt(0n, 300n), fc.bigInt(0n, 300n));
  fc.assert(
    fc.property(range, ([first, length]) => {
      let next = first;
      for (const part of blocksOf(first, first + length)) {
        if (part.offset !== next || !isAligned(part)) return false;
        next += blockSize(part);
      }
      return next === first + length + 1n;
    }),
  );
  t.deepEqual(
    [...blocksOf(1n, 6n)].map(({ offset, bits }) => `${offset}/${bits}`),
    ['1/0', '2/1', '4/1', '6/0'],
  );
  t.true(halves({ offset: 8n, bits: 3 }).every(half => holds({ offset: 8n, bits: 3 }, half.offset)));
});

test('a map is what a plain array would be', t => {
  const change = fc.tuple(block, fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), block, (changes, asked) => {
      let map = new BlockMap<string>(BITS);
      const plain: (string | undefined)[] = Array.from({ length: 64 });
      for (const [at, value] of changes) {
        map = map.with(at, value);
        for (let offset = at.offset; offset < at.offset + blockSize(at); offset++)
          plain[Number(offset)] = value;
      }
      const isSame = plain.every((value, offset) => map.at(BigInt(offset)) === value);
      const part = plain.slice(Number(asked.offset), Number(asked.offset + blockSize(asked)));
      const hasA = map.every(asked, value => value === 'a') === part.every(value => value === 'a');
      const within = [...map.within(asked)].reduce((sum, [leaf]) => sum + blockSize(leaf), 0n);
      return isSame && hasA && within === blockSize(asked) && isCanonical([...map.leaves()]);
    }),
  );
  t.pass();
});

/** No two halves of one value are apart. */
function isCanonical(leaves: readonly [Block, string | undefined][]): boolean {
  return leaves.every(([leaf, value], index) => {
    const [next, other] = leaves[index + 1] ?? [];
    const isPair = next?.bits === leaf.bits && isAligned({ offset: leaf.offset, bits: leaf.bits + 1 });
    return !isPair || value !== other;
  });
}

test('what lies outside a map passes no test', t => {
  const map = new BlockMap<string>(4);
  t.false(map.every({ offset: 16n, bits: 0 }, () => true));
  t.false(map.every({ offset: 0n, bits: 5 }, () => true));
});
