import test from 'ava';
import { BroadcastQueue, retransmitLimit } from './broadcast-queue.ts';
import { randomInteger, seededRandom } from './random.ts';

const bytes = (text: string) => Buffer.from(text);
const texts = (parts: readonly Uint8Array[]) => parts.map(part => Buffer.from(part).toString());

test('retransmitLimit is the multiplier times the rounded-up logarithm', t => {
  t.deepEqual(
    [1, 9, 10, 99, 100, 999, 10_000].map(size => retransmitLimit(4, size)),
    [4, 4, 8, 8, 12, 12, 20],
  );
});

test('BroadcastQueue sends what was sent least often first, of those the newest', t => {
  const queue = new BroadcastQueue();
  queue.push('a', bytes('A'));
  queue.push('b', bytes('B'));
  t.deepEqual(texts(queue.take(3, 9)), ['B']);
  t.deepEqual(texts(queue.take(3, 9)), ['A']);
  queue.push('c', bytes('C'));
  t.deepEqual(texts(queue.take(100, 9)), ['C', 'B', 'A']);
});

test('BroadcastQueue forgets a piece that has been sent often enough', t => {
  const queue = new BroadcastQueue();
  queue.push('a', bytes('A'));
  t.is(queue.take(100, 2).length, 1);
  t.is(queue.take(100, 2).length, 1);
  t.is(queue.take(100, 2).length, 0);
  t.false(queue.has('a'));
});

test('BroadcastQueue replaces older news of the same member', t => {
  const queue = new BroadcastQueue();
  queue.push('a', bytes('old'));
  queue.take(100, 9);
  queue.push('a', bytes('new'));
  t.is(queue.size, 1);
  t.deepEqual(texts(queue.take(100, 1)), ['new']);
});

test('BroadcastQueue never exceeds the room, lengths included, nor the number of parts', t => {
  const queue = new BroadcastQueue();
  for (let index = 0; index < 300; index++) queue.push(`${index}`, Buffer.alloc(1 + (index % 40)));
  for (const room of [0, 2, 3, 50, 1400]) {
    const parts = queue.take(room, 99);
    t.true(parts.reduce((sum, part) => sum + part.length + 2, 0) <= room);
  }
  t.is(queue.take(1e6, 99, 127).length, 127);
});

test('BroadcastQueue takes what a sorted list would', t => {
  const random = seededRandom(5);
  const queue = new BroadcastQueue();
  let list: { about: string; bytes: Uint8Array; sends: number; order: number }[] = [];
  for (let step = 0; step < 2000; step++) {
    if (random.next() < 0.5) {
      const about = `${randomInteger(random, 60)}`;
      const part = Buffer.from(`${step}`.padEnd(10 + randomInteger(random, 40)));
      list = [...list.filter(piece => piece.about !== about), { about, bytes: part, sends: 0, order: step }];
      queue.push(about, part);
      continue;
    }
    const expected: string[] = [];
    let left = randomInteger(random, 400);
    const taken = texts(queue.take(left, 6, 8));
    list.sort((a, b) => a.sends - b.sends || b.order - a.order);
    for (const piece of list) {
      if (expected.length >= 8 || piece.bytes.length + 2 > left) continue;
      left -= piece.bytes.length + 2;
      expected.push(piece.bytes.toString());
      piece.sends += 1;
    }
    list = list.filter(({ sends }) => sends < 6);
    t.deepEqual(taken, expected);
    t.is(queue.size, list.length);
  }
});
