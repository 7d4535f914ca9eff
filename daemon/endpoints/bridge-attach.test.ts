import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { findLink } from '../net/ip.ts';
import { setSearchPath } from '../testing/search-path.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import { attachByBridge, detachFromBridge, restoreOnBridge } from './bridge-attach.ts';
import type { Endpoint } from './endpoint.ts';
import { bridgeName } from './names.ts';

const LIMITS = { gsoMaxSegs: 44, superFrames: { tso: true, uso: true } };
const NETNS = `weft-bridge-attach-${process.pid}`;
const PATH = `/run/netns/${NETNS}`;

test.before(() => execFileSync('ip', ['netns', 'add', NETNS]));
test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NETNS]);
});

function endpointOf(names: Pick<Endpoint, 'hostLink' | 'ifname' | 'network'>): Endpoint {
  return {
    vni: 42,
    attach: 'bridge',
    netns: { name: NETNS, path: PATH, inode: 1 },
    mac: '02:00:5e:10:00:01',
    addresses: [],
    mtu: 1450,
    pending: true,
    ...names,
  };
}

/** Every namespace has a link `lo`: a name that is taken. */
async function refusal(names: Pick<Endpoint, 'hostLink' | 'ifname'>): Promise<WeftError | undefined> {
  const endpoint = endpointOf({ network: 'no-such', ...names });
  return await attachByBridge(endpoint, LIMITS).then(
    () => undefined,
    error => error as WeftError,
  );
}

test.serial('attachByBridge() says which of the two names is taken', async t => {
  const hostLink = `wv${process.pid}`;
  const inside = await refusal({ hostLink, ifname: 'lo' });
  t.true(inside instanceof WeftError);
  t.is(inside?.message, `namespace ${NETNS} has an interface "lo" already`);
  const outside = await refusal({ hostLink: 'lo', ifname: 'eth0' });
  t.is(outside?.message, 'this VM has a link "lo" already');
  t.is(outside?.code, 'conflict');
  t.is(outside?.hint, 'remove it (ip link delete lo)');
});

test.serial('attachByBridge() leaves nothing of a pair when there is no bridge', async t => {
  const hostLink = `wv${process.pid}`;
  const error = await refusal({ hostLink, ifname: 'eth0' });
  t.is(error?.code, 'not_found');
  t.regex(error?.message ?? '', /^ip link set dev wv\d+ master wf-no-such up: there is no link "wf-no-such"/);
  t.is(await findLink(hostLink), undefined);
  t.is(await findLink('eth0', PATH), undefined);
});

test.serial('attaching by bridge, taking over and detaching start no process', async t => {
  const network = `b${process.pid}`;
  const bridge = bridgeName(network);
  execFileSync('ip', ['link', 'add', bridge, 'type', 'bridge']);
  t.teardown(() => execFileSync('ip', ['link', 'del', bridge]));
  const endpoint = {
    ...endpointOf({ network, hostLink: `wv${process.pid}`, ifname: 'eth0' }),
    addresses: ['198.18.0.1/24', 'fd00:18::1/64'],
  };
  const { PATH: before = '' } = process.env;
  setSearchPath(t, await tempDirectory(t));
  await attachByBridge(endpoint, LIMITS);
  t.true(await restoreOnBridge({ ...endpoint, mtu: 1400 }, LIMITS));
  t.true(
    await restoreOnBridge({ ...endpoint, mtu: 1400, ifname: 'renamed' }, LIMITS),
    'the container may rename it',
  );
  setSearchPath(t, before);
  t.like(await findLink('eth0', PATH), { address: endpoint.mac, mtu: 1400 });
  t.like(await findLink(endpoint.hostLink), { master: bridge, mtu: 1400 });
  setSearchPath(t, await tempDirectory(t));
  await detachFromBridge(endpoint);
  await detachFromBridge(endpoint);
  t.false(await restoreOnBridge(endpoint, LIMITS));
});
