import test from 'ava';
import { parseIp, type VtepAddress } from './address.ts';
import { FloodList } from './flood-list.ts';

interface Member {
  readonly address: VtepAddress;
}

const OWN = parseIp('192.0.2.1');

function member(n: number): Member {
  return { address: parseIp(`192.0.2.${n}`) };
}

const [TWO, THREE, FOUR] = [member(2), member(3), member(4)];

test('add(): a VTEP is in the list once, whoever names it and however often', t => {
  const list = new FloodList<Member>({ own: OWN });
  t.deepEqual(list.vteps(), []);
  t.true(list.add(TWO, 'gossip'));
  t.false(list.add(TWO, 'gossip'));
  t.false(list.add(TWO, 'static'));
  t.true(list.add(THREE, 'static'));
  t.deepEqual(list.vteps(), [TWO, THREE]);
});

test('saidBy(): what one source says, and who of them tells what he has', t => {
  const list = new FloodList<Member>({ own: OWN });
  list.replace('gossip', [TWO, THREE]);
  list.replace('static', [THREE, FOUR]);
  list.setTelling([TWO.address, FOUR.address]);
  t.deepEqual(list.saidBy('gossip'), [
    { vtep: TWO, tells: true },
    { vtep: THREE, tells: false },
  ]);
  list.replace('gossip', []);
  t.deepEqual(list.saidBy('gossip'), []);
});

test('add(): the own address is never in the list', t => {
  const list = new FloodList<Member>({ own: OWN });
  t.false(list.add(member(1), 'static'));
  t.false(list.replace('gossip', [member(1)]));
  t.deepEqual(list.vteps(), []);
});

test('remove(): a VTEP stays as long as another source names it', t => {
  const list = new FloodList<Member>({ own: OWN });
  list.add(TWO, 'gossip');
  list.add(TWO, 'static');
  t.false(list.remove(TWO.address, 'gossip'));
  t.deepEqual(list.vteps(), [TWO]);
  t.false(list.remove(TWO.address, 'gossip'));
  t.true(list.remove(TWO.address, 'static'));
  t.deepEqual(list.vteps(), []);
  t.false(list.remove(FOUR.address, 'static'));
});

test('vteps() is the same array until the list changes, and another one after', t => {
  const list = new FloodList<Member>({ own: OWN });
  list.add(TWO, 'gossip');
  const first = list.vteps();
  list.add(TWO, 'static');
  list.remove(TWO.address, 'gossip');
  list.replace('static', [TWO]);
  t.is(list.vteps(), first);
  list.add(THREE, 'gossip');
  t.not(list.vteps(), first);
  t.deepEqual(first, [TWO], 'who walks the old array is not disturbed');
});

test('replace() adds what is new and removes what is gone, of its own source only', t => {
  const list = new FloodList<Member>({ own: OWN });
  list.add(TWO, 'static');
  t.true(list.replace('gossip', [TWO, THREE]));
  t.true(list.replace('gossip', [THREE, FOUR]));
  t.deepEqual(list.vteps(), [TWO, THREE, FOUR]);
  t.false(list.replace('gossip', [FOUR, THREE]));
  t.true(list.replace('gossip', []));
  t.deepEqual(list.vteps(), [TWO]);
});

test('add(): a new object for a known address takes the place of the old one', t => {
  const list = new FloodList<Member>({ own: OWN });
  list.add(TWO, 'gossip');
  const again = member(2);
  t.true(list.add(again, 'gossip'));
  t.is(list.vteps()[0], again);
  t.is(list.vteps().length, 1);
});

test('repoint(): another object for the address of a member takes its place, for whatever source', t => {
  const list = new FloodList<Member>({ own: OWN });
  list.add(TWO, 'gossip');
  list.add(TWO, 'static');
  const anew = member(2);
  t.true(list.repoint(anew));
  t.false(list.repoint(anew));
  t.false(list.repoint(THREE), 'no member');
  t.true(list.has(anew));
  t.false(list.has(TWO));
  t.deepEqual(list.vteps(), [anew]);
});

test('silentVteps(): those that are not said to tell what they have, whoever named them', t => {
  const list = new FloodList<Member>({ own: OWN });
  list.replace('static', [TWO, THREE]);
  list.replace('gossip', [THREE, FOUR]);
  t.deepEqual(list.silentVteps(), [TWO, THREE, FOUR]);
  list.setTelling([THREE.address, FOUR.address]);
  t.deepEqual(list.silentVteps(), [TWO]);
  list.replace('gossip', [FOUR]);
  t.deepEqual(list.silentVteps(), [TWO], 'as long as it is said so');
  list.setTelling([]);
  t.deepEqual(list.silentVteps(), [TWO, THREE, FOUR]);
  const anew = member(3);
  list.repoint(anew);
  t.is(list.silentVteps()[1], anew);
  t.is(list.get(THREE.address), anew);
});
