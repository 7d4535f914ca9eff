import test from 'ava';
import { SparseMap, SparseSet } from './sparse.ts';

test('SparseMap holds what a Map does, and may change while it is gone through', t => {
  const map = new SparseMap<string, number>();
  t.deepEqual([...map], []);
  map.set('a', 1);
  map.set('b', 2);
  const seen: string[] = [];
  for (const [key, value] of map) {
    seen.push(key);
    if (key === 'a') map.delete('a');
    else map.set(key, value + 1);
  }
  t.deepEqual([seen, [...map], map.size, map.get('b')], [['a', 'b'], [['b', 3]], 1, 3]);
  map.delete('b');
  t.deepEqual([map.size, map.get('b'), [...map]], [0, undefined, []]);
  map.set('c', 4);
  map.clear();
  t.is(map.size, 0);
});

test('SparseSet holds what a Set does', t => {
  const set = new SparseSet<number>();
  set.delete(1);
  set.add(1);
  set.add(2);
  set.delete(1);
  t.deepEqual([set.has(1), set.has(2)], [false, true]);
  set.delete(2);
  t.false(set.has(2));
});
