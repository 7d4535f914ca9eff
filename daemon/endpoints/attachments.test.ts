import { execFileSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { numberNamespace } from '../net/rtnetlink/nsid.ts';
import { testNamespace } from '../testing/test-namespace.ts';
import { attachmentOf } from './attachments.ts';
import type { Endpoint } from './endpoint.ts';

const MAC = '02:00:5e:10:00:01';
const NONE = new Set<string>();

/** An endpoint that is said to be in a namespace where nothing is yet. */
async function endpointIn(t: ExecutionContext, attach: 'tap' | 'macvlan'): Promise<Endpoint> {
  const netns = await testNamespace(t, 'inode');
  return {
    network: 'lan',
    vni: 42,
    attach,
    netns,
    ifname: 'eth0',
    mac: MAC,
    addresses: [],
    mtu: 1450,
    hostLink: `w${netns.inode}`,
    pending: false,
  };
}

function addInterface({ ifname, netns }: Endpoint, mac: string): void {
  execFileSync('ip', ['-n', netns.name, 'link', 'add', ifname, 'address', mac, 'type', 'bridge']);
}

for (const attach of ['tap', 'macvlan'] as const) {
  const { locate } = attachmentOf({ attach });
  const closely = { closely: true };

  test(`${attach}: a namespace with the inode of one that is gone is another one`, async t => {
    const endpoint = await endpointIn(t, attach);
    t.deepEqual(await locate(endpoint, NONE), { endpoint }, 'not looked at closely');
    t.deepEqual(await locate(endpoint, NONE, closely), { gone: 'its namespace is gone' });
    addInterface(endpoint, MAC);
    t.deepEqual(await locate(endpoint, NONE, closely), { endpoint }, 'of a daemon that gave no numbers');
  });

  test(`${attach}: one that has a number here is the same, also without its interface`, async t => {
    const endpoint = await endpointIn(t, attach);
    await numberNamespace(endpoint.netns.path);
    t.deepEqual(await locate(endpoint, NONE, closely), { endpoint });
  });

  test(`${attach}: at another path it is followed if it has the interface, and only then`, async t => {
    const now = await endpointIn(t, attach);
    const recorded = { ...now, netns: { ...now.netns, path: '/run/netns/weft-no-such' } };
    await numberNamespace(now.netns.path);
    t.deepEqual(await locate(recorded, NONE), { gone: 'its namespace is gone' });
    addInterface(now, '02:00:5e:10:00:02');
    t.deepEqual(await locate(recorded, NONE), { gone: 'its namespace is gone' }, 'of somebody else');
    execFileSync('ip', ['-n', now.netns.name, 'link', 'set', 'eth0', 'address', MAC]);
    t.deepEqual(await locate(recorded, NONE), { endpoint: now });
  });
}
