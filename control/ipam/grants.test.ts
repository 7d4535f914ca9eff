import test from 'ava';
import type { Block } from './block.ts';
import { BlockMap } from './block-map.ts';
import { RESTING } from './council-state.ts';
import { chooseBlock, fixedBlock, hasUnowned } from './grants.ts';
import { Space, type SpaceOptions } from './space.ts';

const FOUR_SIXTEEN = 4;

function grants(options: SpaceOptions, count: number): string[] {
  const space = new Space(options);
  let map = new BlockMap<string>(space.bits);
  const given: string[] = [];
  for (let node = 0; node < count; node++) {
    const block = chooseBlock(space, map, () => true);
    given.push(block === undefined ? 'none' : `${block.offset}/${block.bits}`);
    if (block !== undefined) map = map.with(block, `n${node}`);
  }
  return given;
}

test('a quarter of the largest free block, sixteen at least, a cap at most', t => {
  t.deepEqual(grants({ prefix: '10.0.0.0/24' }, 6), ['0/6', '64/5', '96/5', '128/5', '160/4', '176/4']);
  t.deepEqual(grants({ prefix: '10.0.0.0/29' }, 2), ['0/3', 'none']);
  t.deepEqual(grants({ prefix: '10.0.0.0/8' }, 2), ['0/8', '256/8']);
  t.deepEqual(grants({ prefix: 'fd00::/64' }, 2), ['0/16', '65536/16']);
});

test('what is reserved as a whole is of no use to anybody', t => {
  t.deepEqual(grants({ prefix: '10.0.0.0/26', static: ['10.0.0.0/27'] }, 3), ['32/4', '48/4', 'none']);
});

test('a /16 has something for each of 250 nodes, before owners have to share', t => {
  t.false(grants({ prefix: '10.0.0.0/16' }, 250).includes('none'));
});

test('what rests is granted after its time', t => {
  const space = new Space({ prefix: '10.0.0.0/26' });
  const map = new BlockMap<string>(6).with({ offset: 0n, bits: 6 }, RESTING);
  t.is(
    chooseBlock(space, map, () => false),
    undefined,
  );
  t.deepEqual(
    chooseBlock(space, map, () => true),
    { offset: 0n, bits: FOUR_SIXTEEN },
  );
  t.true(hasUnowned(space, map, true));
  t.false(hasUnowned(space, map, false));
});

const fixed: [Block | undefined, bigint, Block | undefined][] = [
  [undefined, 5n, { offset: 0n, bits: 4 }],
  [{ offset: 0n, bits: 2 }, 5n, { offset: 4n, bits: 2 }],
  [{ offset: 4n, bits: 0 }, 5n, { offset: 5n, bits: 0 }],
  [{ offset: 5n, bits: 0 }, 5n, undefined],
];

test('a fixed address comes with what is unowned around it, unless it is static', t => {
  const space = new Space({ prefix: '10.0.0.0/26', static: ['10.0.0.40'] });
  t.deepEqual(fixedBlock(space, new BlockMap<string>(6), 40n), { offset: 40n, bits: 0 });
  for (const [owned, offset, expected] of fixed) {
    const empty = new BlockMap<string>(6);
    const map = owned === undefined ? empty : empty.with(owned, 'a');
    t.deepEqual(fixedBlock(space, map, offset), expected);
  }
});
