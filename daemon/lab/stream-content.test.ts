import { createHash } from 'node:crypto';
import test from 'ava';
import { streamContent, streamDigest } from './stream-content.ts';

function whole(bytes: number): Buffer {
  return Buffer.concat([...streamContent(bytes)].flat());
}

test('streamContent: as many bytes as asked for, each a beginning of the next', t => {
  const long = whole(600_000);
  for (const bytes of [0, 1, 8, 9, 262_151, 262_152, 262_153, 600_000]) {
    const content = whole(bytes);
    t.is(content.length, bytes);
    t.true(content.equals(long.subarray(0, bytes)), `${bytes}`);
  }
});

test('streamContent: a chunk is not that of the lap before', t => {
  const chunk = 262_152;
  const content = whole(65 * chunk);
  t.false(content.subarray(0, chunk).equals(content.subarray(64 * chunk)));
});

test('streamDigest is the SHA-256 of the content', t => {
  t.is(streamDigest(300_000), createHash('sha256').update(whole(300_000)).digest('hex'));
});
