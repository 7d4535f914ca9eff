import { execFileSync } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { FAKE_DIAGNOSIS } from '../../testing/fake-doctor.ts';
import { FakeHost } from '../../testing/fake-host.ts';
import { FakeNode } from '../../testing/fake-node.ts';
import { tempDirectory } from '../../testing/temp-directory.ts';
import { writeArchive } from './archive.ts';
import { collectReport } from './collect-report.ts';

const KEY = Buffer.alloc(32, 0x5a).toString('base64');
const OLDER = Buffer.alloc(32, 0x17).toString('base64');
const options = { configPath: '/etc/weft/weft.yaml', state: '/var/lib/weft', diagnosis: FAKE_DIAGNOSIS };

function hostWithKeys(): FakeHost {
  const host = new FakeHost();
  host.files['/etc/weft/weft.yaml'] = `gossip:\n  key: ${KEY} # the one\nnode: { name: vm-a }\n`;
  host.files['/var/lib/weft/gossip-keys.json'] = JSON.stringify({ primary: OLDER });
  host.outputs['nft -a list ruleset'] = `table t { comment "${KEY} ${OLDER}" }`;
  host.outputs['ip -json link show'] = '[{"ifname":"eth0"},{"ifname":"wv0"}]';
  host.outputs['ethtool -k eth0'] = 'tx-checksumming: on';
  return host;
}

const collect = (host: FakeHost) =>
  collectReport({ host, operations: new FakeNode(), time: '2026-11-28 12:00:00' }, options);

test('a report has the reports, the configuration and what the host says, and no key', async t => {
  const files = await collect(hostWithKeys());
  for (const name of [
    'report.json',
    'doctor.json',
    'config.json',
    'api/status.json',
    'host/nft-ruleset.txt',
  ]) {
    t.true(files.has(name), name);
  }
  t.is(files.get('host/nft-ruleset.txt'), 'table t { comment "(removed) (removed)" }');
  t.regex(files.get('host/ethtool-eth0.txt') ?? '', /tx-checksumming/);
  t.false(files.has('host/ethtool-wv0.txt'));
  t.deepEqual(JSON.parse(files.get('config.json') ?? ''), {
    gossip: { key: '(removed)' },
    node: { name: 'vm-a' },
  });
  t.regex(files.get('missing.txt') ?? '', /^host\/uname\.txt: uname -a tells nothing$/m);
  for (const [name, text] of files) for (const key of [KEY, OLDER]) t.false(text.includes(key), name);
});

test('a configuration that cannot be understood is left out: who knows what is in it', async t => {
  const host = hostWithKeys();
  host.files['/etc/weft/weft.yaml'] = `gossip: { key: ${KEY}`;
  const files = await collect(host);
  t.false(files.has('config.json'));
  t.regex(files.get('missing.txt') ?? '', /^config\.json: .* left out/m);
});

test('the archive is what tar reads, for its owner only, and replaces nothing', async t => {
  const directory = await tempDirectory(t);
  const path = join(directory, 'report.tar.gz');
  const files = new Map([
    ['a.txt', 'one\n'],
    ['host/b.txt', 'ü'.repeat(3000)],
  ]);
  await writeArchive(path, 'weft-report', files);
  t.is((await stat(path)).mode & 0o777, 0o600);
  const list = execFileSync('tar', ['-tzf', path]).toString();
  t.is(list, 'weft-report/a.txt\nweft-report/host/b.txt\n');
  t.is(execFileSync('tar', ['-xzOf', path, 'weft-report/host/b.txt']).toString(), 'ü'.repeat(3000));

  const taken = join(directory, 'taken');
  await writeFile(taken, 'mine');
  await t.throwsAsync(writeArchive(taken, 'x', files), { message: `there is a file ${taken} already` });
  await t.throwsAsync(writeArchive(join(directory, 'no', 'where'), 'x', files), { message: /cannot write/ });
});
