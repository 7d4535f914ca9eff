import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parseIp } from '../../dataplane/address.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { PeerStore } from './peer-store.ts';

const PEERS = [
  { address: parseIp('192.0.2.2'), port: 7946, seen: 5 },
  { address: parseIp('2001:db8::3'), port: 7000, seen: 6 },
];

test('PeerStore gives back what was saved last', async t => {
  const stateDirectory = join(await tempDirectory(t), 'state');
  const { log, lines } = memoryLog();
  const store = new PeerStore({ log }, { stateDirectory, node: 'vm-a' });
  t.deepEqual(store.load(), []);
  store.save([]);
  store.save(PEERS);
  await store.saved();
  t.deepEqual(store.load(), PEERS);
  t.is((await stat(join(stateDirectory, 'peers.json'))).mode & 0o777, 0o600);
  t.deepEqual(lines, []);
});

test('PeerStore tells of the state of another node, and does without what it cannot read', async t => {
  const stateDirectory = await tempDirectory(t);
  const { log, lines } = memoryLog();
  const original = new PeerStore({ log }, { stateDirectory, node: 'vm-a' });
  original.save(PEERS);
  await original.saved();
  const clone = new PeerStore({ log }, { stateDirectory, node: 'vm-b' });
  t.deepEqual(clone.load(), PEERS);
  t.like(lines.at(-1), {
    level: 'warn',
    peer: 'vm-a',
    msg: 'the state directory is that of a node with another name',
  });
  for (const text of ['', '{}', '{"version":1,"node":"a","peers":[{"address":"x","port":1,"seen":1}]}']) {
    await writeFile(join(stateDirectory, 'peers.json'), text);
    t.deepEqual(clone.load(), []);
    t.like(lines.at(-1), { level: 'warn', msg: 'the remembered peers cannot be read' });
  }
});
