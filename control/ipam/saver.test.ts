import test from 'ava';
import type { SavedState } from './host.ts';
import { Saver } from './saver.ts';

function setUp() {
  const log: string[] = [];
  const saves: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  let version = 0;
  const saver = new Saver({
    journal: {
      save: ({ local }) => {
        log.push(`save ${local[0]}`);
        return new Promise((resolve, reject) => saves.push({ resolve, reject }));
      },
    },
    post: key => log.push(`post ${key}`),
    capture: (): SavedState => ({
      local: Uint8Array.of(version),
      vote: new Uint8Array(0),
      council: undefined,
    }),
    failed: error => log.push(`failed ${error}`),
  });
  const change = (key: string): void => {
    version += 1;
    saver.touch();
    saver.post(key, undefined);
    saver.afterSave(() => log.push(`done ${key}`));
    saver.flush();
  };
  return { log, saves, saver, change };
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

test('nothing is told before it is saved, and saves that wait are joined', async t => {
  const { log, saves, change } = setUp();
  change('a');
  change('b');
  change('c');
  t.deepEqual(log, ['save 1']);
  saves[0]?.resolve();
  await turn();
  t.deepEqual(log, ['save 1', 'post a', 'done a', 'save 3']);
  saves[1]?.resolve();
  await turn();
  t.deepEqual(log.slice(4), ['post b', 'post c', 'done b', 'done c']);
});

test('what changes nothing is told at once, unless a save is under way', async t => {
  const { log, saves, saver, change } = setUp();
  saver.post('x', undefined);
  saver.flush();
  t.deepEqual(log, ['post x']);
  change('a');
  saver.post('y', undefined);
  saver.flush();
  saves[0]?.resolve();
  await turn();
  t.deepEqual(log, ['post x', 'save 1', 'post a', 'done a', 'post y']);
});

test('after a save that failed nothing is told any more', async t => {
  const { log, saves, change } = setUp();
  change('a');
  saves[0]?.reject('disk full');
  await turn();
  change('b');
  t.deepEqual(log, ['save 1', 'failed disk full']);
});
