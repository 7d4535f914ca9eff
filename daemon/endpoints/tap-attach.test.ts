import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { closeTap } from '../../dataplane/tap-device.ts';
import { listLinks } from '../net/ip.ts';
import { setSearchPath } from '../testing/search-path.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { testNamespace } from '../testing/test-namespace.ts';
import type { Endpoint } from './endpoint.ts';
import { hostLinkName } from './names.ts';
import { attachByTap, detachTap, restoreTap } from './tap-attach.ts';

const LIMITS = { gsoMaxSegs: 44, superFrames: { tso: true, uso: true } };

async function endpointIn(t: ExecutionContext, what: string): Promise<Endpoint> {
  const netns = await testNamespace(t, what);
  return {
    network: 'blue',
    vni: 42,
    attach: 'tap',
    netns,
    ifname: 'eth0',
    mac: '02:00:5e:10:00:01',
    addresses: ['198.18.0.1/24'],
    mtu: 1450,
    hostLink: hostLinkName('tap', netns.inode, 'eth0'),
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

test.serial('attachByTap() removes the TAP also when the last step fails half-way', async t => {
  const endpoint = await endpointIn(t, 'half');
  // The second of two equal addresses is refused, when the TAP has moved, has its final name and one address.
  const twice = { ...endpoint, addresses: ['198.18.0.1/24', '198.18.0.1/24'] };
  await t.throwsAsync(attachByTap(twice, LIMITS), { message: /^ip addr add 198.18.0.1\/24 dev eth0: / });
  t.deepEqual(await linksInside(endpoint), []);
});

test.serial('attachByTap() tells its own reason when the undoing meets another one', async t => {
  const endpoint = await endpointIn(t, 'undo');
  const gone = { ...endpoint, netns: { ...endpoint.netns, path: '/run/netns/weft-no-such' } };
  await t.throwsAsync(attachByTap(gone, LIMITS), { message: /^ip link set dev \S+ netns .*weft-no-such: / });
  t.false(
    (await listLinks()).some(({ ifname }) => ifname === endpoint.hostLink),
    'it had not moved',
  );
});

test.serial('attachByTap(), restoreTap() and detachTap() start no process', async t => {
  const endpoint = await endpointIn(t, 'alone');
  setSearchPath(t, await tempDirectory(t));
  closeTap(await attachByTap(endpoint, LIMITS));
  const device = await restoreTap({ ...endpoint, mtu: 1400 }, LIMITS);
  t.not(device, undefined);
  if (device !== undefined) closeTap(device);
  await detachTap(endpoint);
  t.is(await restoreTap(endpoint, LIMITS), undefined);
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
