import test from 'ava';
import { NamespaceNumbers } from './namespace-numbers.ts';

function rig(numbers: Record<string, number | Error | undefined>) {
  const asked: string[] = [];
  const known = new NamespaceNumbers({
    async nsidOf(path) {
      asked.push(path);
      const number = numbers[path];
      if (number instanceof Error) throw number;
      return number;
    },
  });
  return { asked, known };
}

function at(path: string, inode: number) {
  return { netns: { name: path, path, inode } };
}

test('each namespace is asked for once', async t => {
  const { asked, known } = rig({ a: 0, b: 7 });
  const both = [at('a', 100), at('b', 200), at('a', 100)];
  t.true(known.isIncomplete(both));
  await known.learn(both);
  await known.learn(both);
  t.deepEqual(asked, ['a', 'b']);
  t.deepEqual([known.inodeOf(0), known.inodeOf(7), known.inodeOf(1)], [100, 200, undefined]);
  t.false(known.isIncomplete(both));
});

test('one that has none, or cannot be asked, is asked again; that of the VM never', async t => {
  const { asked, known } = rig({ a: undefined, b: new Error('gone'), vm: 3 });
  const all = [at('a', 100), at('b', 200), at('vm', 0)];
  await known.learn(all);
  await known.learn(all);
  t.deepEqual(asked, ['a', 'b', 'a', 'b']);
  t.true(known.isIncomplete(all));
  t.false(known.isIncomplete([at('vm', 0)]));
});

test('the number of one that is gone is another’s', async t => {
  const { known } = rig({ a: 4, b: 4 });
  await known.learn([at('a', 100)]);
  known.forget(4);
  known.forget(99);
  t.is(known.inodeOf(4), undefined);
  t.true(known.isIncomplete([at('a', 100)]));
  await known.learn([at('a', 100)]);
  // Nobody told that it went.
  await known.learn([at('b', 200)]);
  t.is(known.inodeOf(4), 200);
  t.true(known.isIncomplete([at('a', 100)]));
});

test('prune() keeps those of endpoints that are there', async t => {
  const { known } = rig({ a: 1, b: 2 });
  await known.learn([at('a', 100), at('b', 200)]);
  known.prune([at('b', 200)]);
  t.deepEqual([known.inodeOf(1), known.inodeOf(2)], [undefined, 200]);
});
