import test from 'ava';
import { checkNamePart, labPrefix, ownerOf } from './names.ts';

test('ownerOf() finds the pid in our names and in no others', t => {
  t.is(ownerOf(`${labPrefix(123, 'join')}-a`), 123);
  for (const other of ['weft-a-b', 'weft-12', 'xweft-1-a', 'sd-1-a', ''])
    t.is(ownerOf(other), undefined, other);
});

test('checkNamePart() takes only what needs no quoting', t => {
  for (const good of ['a', 'vm-a', 'c1', 'three-vms', 'a.c1']) t.notThrows(() => checkNamePart(good), good);
  for (const bad of ['', '-a', 'a-', 'A', 'a b', 'a\nlink del eth0', 'a/b', 'a--b']) {
    t.throws(() => checkNamePart(bad), undefined, bad);
  }
});
