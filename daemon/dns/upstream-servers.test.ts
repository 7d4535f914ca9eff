import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ManualClock } from '../../dataplane/testing/manual-clock.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { parseNameservers, UpstreamServers } from './upstream-servers.ts';

for (const [title, text, expected] of [
  ['two servers', 'nameserver 192.0.2.53\nnameserver 2001:db8::53\n', ['192.0.2.53', '2001:db8::53']],
  ['a zone', 'nameserver fe80::1%eth0\n', ['fe80::1%eth0']],
  [
    'comments and other lines',
    '# nameserver 192.0.2.1\n;x\nsearch a b\noptions edns0\nnameserver\t192.0.2.2 # x\n',
    ['192.0.2.2'],
  ],
  [
    'more than three',
    [1, 2, 3, 4].map(n => `nameserver 192.0.2.${n}\n`).join(''),
    ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
  ],
  ['names and nonsense', 'nameserver dns.example\nnameserver\nnameserver 300.1.1.1\n', ['127.0.0.1']],
  ['nothing', '', ['127.0.0.1']],
] as const) {
  test(`parseNameservers: ${title}`, t => {
    t.deepEqual(
      parseNameservers(text),
      expected.map(address => ({ address, port: 53 })),
    );
  });
}

test('a change of the file is followed, and read no more often than every five seconds', async t => {
  const path = join(await tempDirectory(t), 'resolv.conf');
  const clock = new ManualClock();
  const servers = new UpstreamServers({ clock }, { upstream: 'auto', path });
  const addresses = async () => (await servers.list()).map(({ address }) => address);
  await writeFile(path, 'nameserver 192.0.2.1\n');
  t.deepEqual(await addresses(), ['192.0.2.1']);
  await writeFile(path, 'nameserver 192.0.2.2\n');
  clock.advance(4_999);
  t.deepEqual(await addresses(), ['192.0.2.1']);
  clock.advance(1);
  t.deepEqual(await addresses(), ['192.0.2.2']);
  await rm(path);
  clock.advance(5_000);
  t.deepEqual(await addresses(), ['127.0.0.1']);
});

test('those of the configuration stand for themselves', async t => {
  const upstream = [{ address: '192.0.2.9', port: 5353 }];
  const servers = new UpstreamServers({ clock: new ManualClock() }, { upstream, path: '/nonexistent' });
  t.is(await servers.list(), upstream);
});
