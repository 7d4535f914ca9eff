import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { gossipKey, keyText } from '../../control/gossip-key.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { loadKeyring } from './key-store.ts';

const key = (fill: number) => gossipKey(new Uint8Array(16).fill(fill));
const [first, second, third] = [key(1), key(2), key(3)];
const prints = (ring: ReturnType<typeof loadKeyring>) => ring?.all().map(({ fingerprint }) => fingerprint);

test('loadKeyring has the keys of the configuration, and what was changed of them in an earlier run', async t => {
  const state = join(await tempDirectory(t), 'state');
  const load = () => loadKeyring(state, { key: first, keys: [second] });
  const ring = load();
  t.deepEqual(prints(ring), [first.fingerprint, second.fingerprint]);
  ring?.add(third);
  ring?.use(third);
  ring?.remove(first);
  t.deepEqual(prints(load()), [third.fingerprint, second.fingerprint]);
  const file = join(state, 'gossip-keys.json');
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.is((await stat(state)).mode & 0o777, 0o700);
  t.true((await readFile(file, 'utf8')).includes(keyText(third)));
});

test('loadKeyring takes the configuration once its keys have changed, and none without gossip.key', async t => {
  const state = await tempDirectory(t);
  loadKeyring(state, { key: first, keys: [] })?.add(third);
  t.deepEqual(prints(loadKeyring(state, { key: second, keys: [] })), [second.fingerprint]);
  t.is(loadKeyring(state, { key: undefined, keys: [] }), undefined);
});

test('loadKeyring does not guess when the file is damaged, and does not quote it', async t => {
  const state = await tempDirectory(t);
  const text = `{"version":1,"configured":["${first.fingerprint}"],"keys":["c2VjcmV0"]}`;
  await writeFile(join(state, 'gossip-keys.json'), text);
  const error = t.throws(() => loadKeyring(state, { key: first, keys: [] }), { code: 'system' });
  t.notRegex(`${error?.stack}${JSON.stringify(error)}${error?.cause}`, /c2VjcmV0/);
});

test('a change that cannot be saved is not made', async t => {
  const state = await tempDirectory(t);
  const ring = loadKeyring(join(state, 'file', 'below'), { key: first, keys: [] });
  await writeFile(join(state, 'file'), '');
  await chmod(join(state, 'file'), 0o600);
  t.throws(() => ring?.add(second), { code: 'system', message: /cannot write/ });
  t.deepEqual(prints(ring), [first.fingerprint]);
});
