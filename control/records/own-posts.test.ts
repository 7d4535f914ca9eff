import test from 'ava';
import { OwnPosts } from './own-posts.ts';
import type { LogRecord } from './record.ts';
import { recordId } from './record.ts';

function rig() {
  const written: string[] = [];
  const held = new Map<string, LogRecord>();
  const posts = new OwnPosts({
    own: {
      find: (_vni, kind, key) => held.get(recordId({ kind, key })),
      write: (vni, record) => {
        const whole = { ...record, seq: written.length + 1 };
        held.set(recordId(record), whole);
        written.push(
          `${vni} ${Buffer.from(record.key)} ${record.deleted ? 'gone' : Buffer.from(record.body)}`,
        );
        return whole;
      },
    },
  });
  return { posts, take: () => written.splice(0) };
}

test('OwnPosts writes what is new, to the log of the pool', t => {
  const { posts, take } = rig();
  posts.post('é', Buffer.from('one'));
  posts.post('é', Buffer.from('one'));
  posts.post('é', Buffer.from('two'));
  t.deepEqual(take(), ['0 é one', '0 é two']);
  posts.post('é', undefined);
  posts.post('é', undefined);
  posts.post('never', undefined);
  t.deepEqual(take(), ['0 é gone']);
  posts.post('é', Buffer.from('two'));
  t.deepEqual(take(), ['0 é two']);
});

test('a post has a key, and is not too long', t => {
  const { posts } = rig();
  const refused = { code: 'invalid_argument' };
  t.throws(() => posts.post('', new Uint8Array(1)), refused);
  t.throws(() => posts.post('é'.repeat(33), new Uint8Array(1)), refused);
  t.throws(() => posts.post('x', new Uint8Array(1025)), refused);
  t.notThrows(() => posts.post('é'.repeat(32), new Uint8Array(1024)));
});
