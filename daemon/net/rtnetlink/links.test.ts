import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { readLink, removeLinkIfThere } from './links.ts';

const NETNS = `weft-links-${process.pid}`;
const PATH = `/run/netns/${NETNS}`;

test.before(() => execFileSync('ip', ['netns', 'add', NETNS]));
test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NETNS]);
});

test('readLink() tells of one link of a namespace', async t => {
  execFileSync('ip', ['-n', NETNS, 'tuntap', 'add', 'weft0', 'mode', 'tap']);
  execFileSync('ip', ['-n', NETNS, 'link', 'set', 'dev', 'weft0', 'address', '02:00:5e:10:00:01']);
  t.like(await readLink('weft0', PATH), {
    ifname: 'weft0',
    mac: '02:00:5e:10:00:01',
    kind: 'tun',
    master: 0,
  });
  t.like(await readLink('lo', PATH), {
    ifname: 'lo',
    mac: '00:00:00:00:00:00',
    kind: undefined,
    index: 1,
    mtu: 65_536,
  });
  t.is(await readLink('weft1', PATH), undefined);
  t.is(await readLink('weft0'), undefined, 'not in our own namespace');
  await t.throwsAsync(readLink('weft0', '/run/netns/weft-no-such'), { code: 'system' });
  await t.throwsAsync(readLink('weft0', '/etc/hostname'), { message: /it is not a network namespace$/ });
});

test('removeLinkIfThere() says whether it was', async t => {
  execFileSync('ip', ['-n', NETNS, 'link', 'add', 'gone', 'type', 'bridge']);
  t.true(await removeLinkIfThere('gone', PATH));
  t.false(await removeLinkIfThere('gone', PATH));
  await t.throwsAsync(removeLinkIfThere('lo', PATH), { code: 'system', message: /^ip link del dev lo: / });
});
