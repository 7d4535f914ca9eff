import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { AliveStamp } from './alive-stamp.ts';
import { IpamStore } from './ipam-store.ts';

const ID = '0123456789abcdef';

test('what is saved comes back', async t => {
  const stateDirectory = await tempDirectory(t);
  const store = new IpamStore({ stateDirectory, id: ID });
  t.is(store.load(), undefined);
  const state = { local: Uint8Array.of(1, 255), vote: new Uint8Array(0), council: undefined };
  await store.save(state);
  t.deepEqual(store.load(), state);
  await store.save({ ...state, council: Uint8Array.of(7) });
  t.deepEqual(new IpamStore({ stateDirectory, id: ID }).load(), { ...state, council: Uint8Array.of(7) });
  await store.remove();
  await store.remove();
  t.is(store.load(), undefined);
});

test('what cannot be read is no reason to begin anew: an address might be given twice', async t => {
  const stateDirectory = await tempDirectory(t);
  const store = new IpamStore({ stateDirectory, id: ID });
  await store.save({ local: new Uint8Array(3), vote: new Uint8Array(3), council: undefined });
  for (const text of ['', '{', '{"version":2}', '{"version":1,"local":"!","vote":"","council":null}']) {
    writeFileSync(join(stateDirectory, 'ipam', `${ID}.json`), text);
    t.throws(() => store.load(), { code: 'system', message: /is damaged/ });
  }
});

test('a stamp is fresh for twenty seconds after it was last written, whatever the wall clock says', async t => {
  const stateDirectory = await tempDirectory(t);
  const clock = new ManualClock();
  clock.advance(86_400_000);
  const life = () => new AliveStamp({ clock }, { stateDirectory });
  t.false(life().isFresh(), 'there is none');
  const first = life();
  first.start(() => true);
  t.deepEqual(readdirSync(join(stateDirectory, 'ipam')), ['alive']);
  clock.advance(60_000);
  t.true(life().isFresh(), 'it is written while the daemon runs');
  first.stop();
  clock.advance(14_000);
  for (const days of [1, -1, -1, 1]) {
    clock.stepWall(days * 86_400_000);
    t.true(life().isFresh());
  }
  clock.advance(6000);
  t.false(life().isFresh());
  // Set back by as much as has passed, so that by the wall clock it is just now.
  clock.stepWall(-6000);
  t.false(life().isFresh());
});

test('a stamp of another start of the machine, or what is none, is not fresh', async t => {
  const stateDirectory = await tempDirectory(t);
  const clock = new ManualClock();
  clock.advance(50_000);
  const life = () => new AliveStamp({ clock }, { stateDirectory });
  const first = life();
  first.start(() => true);
  first.stop();
  t.true(life().isFresh());
  const file = join(stateDirectory, 'ipam', 'alive');
  const text = readFileSync(file, 'utf8');
  for (const other of [
    '',
    text.slice(1),
    text.slice(0, -5),
    'nonsense',
    text.replace(/ .*/, ' 000000000050001'),
  ]) {
    writeFileSync(file, other);
    t.false(life().isFresh(), other);
  }
  writeFileSync(file, text);
  t.true(life().isFresh());
});

test('the stamp of a weft before, an empty file, is judged by its mtime', async t => {
  const stateDirectory = await tempDirectory(t);
  const clock = new ManualClock();
  clock.advance(100_000);
  const file = join(stateDirectory, 'ipam', 'alive');
  const life = () => new AliveStamp({ clock }, { stateDirectory });
  life().start(() => true);
  writeFileSync(file, '');
  for (const [age, isFresh] of [
    [0, true],
    [19_000, true],
    [20_000, false],
    [-1000, false],
  ] as const) {
    const at = (clock.wallTime() - age) / 1000;
    utimesSync(file, at, at);
    t.is(life().isFresh(), isFresh, `${age} ms old`);
  }
});
