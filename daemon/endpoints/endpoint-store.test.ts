import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Endpoint } from './endpoint.ts';
import { EndpointStore } from './endpoint-store.ts';

const endpoint: Endpoint = {
  network: 'blue',
  vni: 42,
  attach: 'bridge',
  netns: { name: 'c1', path: '/run/netns/c1', inode: 4026532000 },
  ifname: 'eth0',
  mac: '02:00:5e:10:00:01',
  addresses: ['198.18.0.2/24'],
  mtu: 1450,
  hostLink: 'wv0123456789ab',
  pending: false,
};

async function stateDirectory(t: { teardown(work: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-store-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

test('EndpointStore: what was added is there for the next run, and what was removed is not', async t => {
  const directory = await stateDirectory(t);
  const first = new EndpointStore(directory);
  await first.load();
  await first.add(endpoint);
  const other = { ...endpoint, ifname: 'eth1' };
  await first.add(other);
  await first.remove(other);

  const second = new EndpointStore(directory);
  await second.load();
  t.deepEqual(second.all(), [endpoint]);
  t.deepEqual((await readdir(directory)).sort(), ['endpoints.boot', 'endpoints.json']);
});

test('EndpointStore.load() is an empty list when nothing was ever stored', async t => {
  const store = new EndpointStore(join(await stateDirectory(t), 'never-made'));
  await store.load();
  t.deepEqual(store.all(), []);
});

test('EndpointStore.load() refuses a damaged file with the way out', async t => {
  const directory = await stateDirectory(t);
  for (const text of ['', '{', '{"version":2,"endpoints":[]}', '{"version":1,"endpoints":[{}]}']) {
    await writeFile(join(directory, 'endpoints.json'), text);
    const error = await t.throwsAsync(new EndpointStore(directory).load(), { message: /damaged/ });
    t.regex((error as Error & { hint: string }).hint, /move it away/);
  }
});

test('EndpointStore.load() passes over what a crash of the machine has damaged, and keeps what can be read', async t => {
  const directory = await stateDirectory(t);
  const before = new EndpointStore(directory, { bootId: 'one' });
  await before.load();
  await before.add(endpoint);
  const kept = new EndpointStore(directory, { bootId: 'two' });
  await kept.load();
  t.deepEqual(kept.all(), [endpoint]);
  await kept.add({ ...endpoint, ifname: 'eth7' });
  // As a file system leaves it that had the new name on the disk before the contents.
  await writeFile(join(directory, 'endpoints.json'), '');
  const same = new EndpointStore(directory, { bootId: 'two' });
  await t.throwsAsync(same.load(), { message: /damaged/ });
  const after = new EndpointStore(directory, { bootId: 'three' });
  await after.load();
  t.deepEqual(after.all(), []);
  // The same start of the machine once more, before anything was attached.
  await new EndpointStore(directory, { bootId: 'three' }).load();
  await after.add(endpoint);
  const again = new EndpointStore(directory, { bootId: 'three' });
  await again.load();
  t.deepEqual(again.all(), [endpoint]);
});

test('EndpointStore.add() that cannot write says so and changes nothing', async t => {
  const directory = await stateDirectory(t);
  const file = join(directory, 'a-file');
  await writeFile(file, '');
  const store = new EndpointStore(file);
  await t.throwsAsync(store.add(endpoint), { message: /cannot write/ });
  t.deepEqual(store.all(), []);
});
