import test from 'ava';
import { BroadcastQueue, retransmitLimit } from './broadcast-queue.ts';

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
