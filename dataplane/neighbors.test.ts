import test from 'ava';
import { ipFromBytes, parseIp, parseMac } from './address.ts';
import { addressWords } from './address-index.ts';
import { Neighbors, neighborOf } from './neighbors.ts';

const IP = parseIp('198.18.0.2');
const [OLD, NEW] = [parseMac('02:00:5e:10:00:01'), parseMac('02:00:5e:10:00:02')];
const [old, successor] = [neighborOf(OLD, false), neighborOf(NEW, false)];

function first(neighbors: Neighbors) {
  const [a = 0, b = 0, c = 0, d = 0] = addressWords(IP);
  return neighbors.find(4, a, b, c, d)?.[0];
}

test('find(): the last claim first, the one before when it is withdrawn', t => {
  const neighbors = new Neighbors();
  t.is(first(neighbors), undefined);
  neighbors.add(IP, old);
  neighbors.add(IP, successor);
  t.is(first(neighbors), successor);
  neighbors.remove(IP, successor);
  t.is(first(neighbors), old);
  neighbors.remove(IP, old);
  t.is(first(neighbors), undefined);
});

const STEPS = {
  '+old': (it: Neighbors) => it.add(IP, old),
  '-old': (it: Neighbors) => it.remove(IP, old),
  '+new': (it: Neighbors) => it.add(IP, successor),
  '-new': (it: Neighbors) => it.remove(IP, successor),
  '+new here': (it: Neighbors) => it.add(IP, neighborOf(NEW, true)),
  '+old here': (it: Neighbors) => it.add(IP, neighborOf(OLD, true)),
};

const histories: readonly (readonly [readonly (keyof typeof STEPS)[], boolean])[] = [
  [[], false],
  [['+old'], false],
  [['-old'], false],
  [['-old', '+old'], false],
  [['-old', '+new'], true],
  [['+new', '-old'], true],
  [['+new', '-new'], true],
  [['+new', '-new', '-old'], false],
  [['+new here'], false],
  [['+old here', '+new'], false],
];

for (const [steps, isMoved] of histories) {
  test(`takeMoved(): after ${steps.join(', ') || 'nothing'}: ${isMoved ? 'the address, once' : 'nothing'}`, t => {
    const neighbors = new Neighbors();
    neighbors.add(IP, old);
    t.deepEqual(neighbors.takeMoved(), []);
    for (const step of steps) STEPS[step](neighbors);
    const mac = first(neighbors)?.mac;
    t.deepEqual(neighbors.takeMoved(), isMoved && mac !== undefined ? [{ address: IP, mac }] : []);
    t.deepEqual(neighbors.takeMoved(), []);
  });
}

test('who had an address is remembered for 16,384 addresses', t => {
  const neighbors = new Neighbors();
  neighbors.add(IP, old);
  neighbors.remove(IP, old);
  for (let n = 0; n < 16_384; n++) {
    const other = ipFromBytes(Uint8Array.of(10, 0, n >> 8, n & 0xff));
    neighbors.add(other, old);
    neighbors.remove(other, old);
  }
  neighbors.add(IP, successor);
  t.deepEqual(neighbors.takeMoved(), []);
});
