import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { closeTap } from '../../dataplane/tap-device.ts';
import { listLinks } from '../net/ip.ts';
import { netnsInode } from '../net/netns.ts';
import { setSearchPath } from '../testing/search-path.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import type { Endpoint } from './endpoint.ts';
import { hostLinkName } from './names.ts';
import { attachByTap, detachTap, restoreTap } from './tap-attach.ts';

const LIMITS = { gsoMaxSegs: 44, superFrames: { tso: true, uso: true } };

async function endpointIn(t: ExecutionContext, what: string): Promise<Endpoint> {
  const name = `weft-${what}-${process.pid}`;
  const path = `/run/netns/${name}`;
  execFileSync('ip', ['netns', 'add', name]);
  t.teardown(() => {
    if (existsSync(path)) execFileSync('ip', ['netns', 'del', name]);
  });
  const inode = (await netnsInode(path)) ?? 0;
  return {
    network: 'blue',
    vni: 42,
    attach: 'tap',
    netns: { name, path, inode },
    ifname: 'eth0',
    mac: '02:00:5e:10:00:01',
    addresses: ['198.18.0.1/24'],
    mtu: 1450,
    hostLink: hostLinkName('tap', inode, 'eth0'),
    pending: true,
  };
}

async function linksInside({ netns }: Endpoint): Promise<string[]> {
  return (await listLinks(netns.path)).map(({ ifname }) => ifname).filter(name => name !== 'lo');
}

function openTuns(): number {
  // A descriptor of the listing itself is closed before it can be looked at.
  const descriptors = readdirSync('/proc/self/fd').filter(fd => existsSync(`/proc/self/fd/${fd}`));
  return descriptors.filter(fd => readlinkSync(`/proc/self/fd/${fd}`) === '/dev/net/tun').length;
}

// One after the other: they change PATH, and count the descriptors of the process.

/** The shell that is run does what `script` says; the one that runs it (net/launcher.ts), and those that it starts, do as ever. */
async function replaceShell(t: ExecutionContext, script: string): Promise<void> {
  const directory = await tempDirectory(t);
  const sh = join(directory, 'sh');
  const asEver = '{ export LEVEL="1$LEVEL"; exec /bin/sh "$@"; }';
  writeFileSync(sh, `#!/bin/sh\n[ "$LEVEL" = 1 ] || ${asEver}\nexport LEVEL=11\n${script}\n`);
  chmodSync(sh, 0o755);
  const { PATH } = process.env;
  setSearchPath(t, `${directory}:${PATH}`);
}

test.serial('attachByTap() removes the TAP also when a killed shell cannot tell how far it came', async t => {
  const endpoint = await endpointIn(t, 'killed');
  await replaceShell(t, '/bin/sh "$@"; kill -9 $$');
  await t.throwsAsync(attachByTap(endpoint, LIMITS), { message: /^cannot change links/ });
  t.deepEqual(await linksInside(endpoint), []);
});

test.serial('attachByTap() tells its own reason when the undoing meets another one', async t => {
  const endpoint = await endpointIn(t, 'undo');
  await replaceShell(t, 'kill -9 $$');
  const gone = { ...endpoint, netns: { ...endpoint.netns, path: '/run/netns/weft-no-such' } };
  await t.throwsAsync(attachByTap(gone, LIMITS), { message: /^cannot change links/ });
  t.false(
    (await listLinks()).some(({ ifname }) => ifname === endpoint.hostLink),
    'it had not moved',
  );
});

test.serial('attachByTap() leaves an interface alone that is in its way, whatever its MAC', async t => {
  const endpoint = await endpointIn(t, 'taken');
  const { ifname, mac, netns } = endpoint;
  execFileSync('ip', ['-n', netns.name, 'tuntap', 'add', ifname, 'mode', 'tap']);
  execFileSync('ip', ['-n', netns.name, 'link', 'set', 'dev', ifname, 'address', mac]);
  await t.throwsAsync(attachByTap(endpoint, LIMITS), { message: /has an interface "eth0" already$/ });
  t.deepEqual(await linksInside(endpoint), ['eth0']);
});

test.serial('restoreTap() leaves nothing open when the interface cannot be changed', async t => {
  const endpoint = await endpointIn(t, 'restore');
  closeTap(await attachByTap(endpoint, LIMITS));
  const before = openTuns();
  // Linux takes 65,535 at the most (GSO_MAX_SEGS of linux/netdevice.h).
  await t.throwsAsync(restoreTap(endpoint, { ...LIMITS, gsoMaxSegs: 70_000 }), { message: /gso_max_segs/ });
  t.is(openTuns(), before);
  await detachTap(endpoint);
  t.deepEqual(await linksInside(endpoint), []);
});
