import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import { WeftError } from '../../dataplane/errors.ts';
import { attachByBridge } from './bridge-attach.ts';
import type { Endpoint } from './endpoint.ts';

const LIMITS = { gsoMaxSegs: 44, superFrames: { tso: true, uso: true } };
const NETNS = `weft-bridge-attach-${process.pid}`;
const PATH = `/run/netns/${NETNS}`;

test.before(() => execFileSync('ip', ['netns', 'add', NETNS]));
test.after.always(() => {
  if (existsSync(PATH)) execFileSync('ip', ['netns', 'del', NETNS]);
});

/** Every namespace has a link `lo`: a name that is taken. */
async function refusal(names: Pick<Endpoint, 'hostLink' | 'ifname'>): Promise<WeftError | undefined> {
  const endpoint: Endpoint = {
    network: 'no-such',
    vni: 42,
    attach: 'bridge',
    netns: { name: NETNS, path: PATH, inode: 1 },
    mac: '02:00:5e:10:00:01',
    addresses: [],
    mtu: 1450,
    pending: true,
    ...names,
  };
  return await attachByBridge(endpoint, LIMITS).then(
    () => undefined,
    error => error as WeftError,
  );
}

test('attachByBridge() says which of the two names is taken', async t => {
  const hostLink = `wv${process.pid}`;
  const inside = await refusal({ hostLink, ifname: 'lo' });
  t.true(inside instanceof WeftError);
  t.is(inside?.message, `namespace ${NETNS} has an interface "lo" already`);
  const outside = await refusal({ hostLink: 'lo', ifname: 'eth0' });
  t.is(outside?.message, 'this VM has a link "lo" already');
  t.is(outside?.code, 'conflict');
  t.is(outside?.hint, 'remove it (ip link delete lo)');
});
