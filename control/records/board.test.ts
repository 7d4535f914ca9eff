import test from 'ava';
import { Board } from './board.ts';
import { type LogRecord, RECORD_KIND, recordId } from './record.ts';

function rig() {
  const told: string[] = [];
  const board = new Board({
    onPost: (origin, key, body) =>
      told.push(`${origin} ${key} ${body === undefined ? 'gone' : Buffer.from(body)}`),
  });
  const say = (origin: string, key: string, text: string | undefined, kind: number = RECORD_KIND.post) => {
    const record: LogRecord = {
      seq: 1,
      kind,
      key: Buffer.from(key),
      body: Buffer.from(text ?? ''),
      deleted: text === undefined,
    };
    board.update(origin, recordId(record), record);
  };
  const take = () => told.splice(0);
  return { board, say, take };
}

test('Board shows each post in its last version, and tells only of what is new', t => {
  const { board, say, take } = rig();
  say('a', 'é', 'one');
  say('a', 'é', 'one');
  say('b', 'é', 'other');
  say('a', 'é', 'two');
  t.deepEqual(take(), ['a é one', 'b é other', 'a é two']);
  t.deepEqual(
    [...board.posts()].map(({ origin, key }) => [origin, key]),
    [
      ['a', 'é'],
      ['b', 'é'],
    ],
  );
  t.is(Buffer.from(board.find('a', 'é') ?? '').toString(), 'two');
});

test('Board forgets what is taken back, or shown no longer, or of an origin that is erased', t => {
  const { board, say, take } = rig();
  for (const key of ['x', 'y', 'z', 'w']) say('a', key, key);
  say('b', 'x', 'kept');
  take();
  say('a', 'x', undefined);
  say('a', 'x', undefined);
  board.update('a', recordId({ kind: RECORD_KIND.post, key: Buffer.from('y') }), undefined);
  t.deepEqual(take(), ['a x gone', 'a y gone']);
  board.forget('a');
  board.forget('a');
  t.deepEqual(take(), ['a z gone', 'a w gone']);
  t.deepEqual([...board.posts()].length, 1);
});

test('Board passes over records of other kinds', t => {
  const { say, take } = rig();
  say('a', 'x', 'text', RECORD_KIND.endpoint);
  say('a', 'x', 'text', 77);
  t.deepEqual(take(), []);
});
