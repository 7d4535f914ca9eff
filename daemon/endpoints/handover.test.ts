/** Endpoints that a runtime takes into the container itself, on the real kernel: the test is the runtime. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { closeTap } from '../../dataplane/tap-device.ts';
import { netnsPath } from '../lab/names.ts';
import { ownLinkNames } from '../net/ip.ts';
import { attachByBridge, detachFromBridge } from './bridge-attach.ts';
import type { Endpoint } from './endpoint.ts';
import { handoverPlace, isAwaited, locateHandedOver } from './handover.ts';
import { bridgeName } from './names.ts';
import { attachByTap, removeTap, restoreTap } from './tap-attach.ts';

const LIMITS = { gsoMaxSegs: 44, superFrames: { tso: true, uso: true } } as const;

function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}

/** A bridge as the network has it, and the name of a namespace that is not made yet. */
function rig(t: ExecutionContext, attach: 'bridge' | 'tap') {
  const network = `h${process.pid}`.slice(0, 12);
  const netns = `weft-handover-${attach}-${process.pid}`;
  if (attach === 'bridge') ip('link', 'add', bridgeName(network), 'type', 'bridge');
  const place = handoverPlace(
    { handover: { id: netns, sandbox: netnsPath(netns) }, leases: ['docker-1'] } as never,
    { attach },
  );
  const endpoint: Endpoint = {
    network,
    vni: 42,
    attach,
    mac: '02:00:5e:10:00:07',
    addresses: ['198.18.0.7/24'],
    mtu: 1450,
    pending: false,
    ...place,
  };
  t.teardown(() => {
    if (attach === 'bridge') ip('link', 'del', bridgeName(network));
    if (existsSync(netnsPath(netns))) ip('netns', 'del', netns);
  });
  const locate = async (known: Endpoint = endpoint) => await locateHandedOver(known, await ownLinkNames());
  /** What dockerd does in the start of a container, and when it has ended. */
  const take = () => {
    if (!existsSync(netnsPath(netns))) ip('netns', 'add', netns);
    ip('link', 'set', endpoint.handover ?? '', 'netns', netns, 'name', 'eth3');
  };
  const giveBack = () =>
    ip('-n', netns, 'link', 'set', 'eth3', 'name', endpoint.handover ?? '', 'netns', `${process.pid}`);
  return { endpoint, netns, locate, take, giveBack };
}

test('bridge: in the VM, in the container, back in the VM, and gone', async t => {
  const { endpoint, giveBack, locate, take } = rig(t, 'bridge');
  await attachByBridge(endpoint, LIMITS);
  t.true(isAwaited(endpoint));
  t.is(await locate(), endpoint);
  take();
  const inside = await locate();
  t.like(inside, { ifname: 'eth3', hostLink: endpoint.hostLink });
  t.false(isAwaited(inside ?? endpoint));
  t.is(await locate(inside), inside);
  giveBack();
  t.like(await locate(inside), { ifname: endpoint.handover, netns: { inode: 0 } });
  await detachFromBridge(endpoint);
  t.is(await locate(), undefined);
});

test('tap: the same, and it can be opened again wherever it is', async t => {
  const { endpoint, giveBack, locate, take } = rig(t, 'tap');
  closeTap(await attachByTap(endpoint, LIMITS));
  t.is(endpoint.handover, endpoint.hostLink);
  const open = async (where: Endpoint | undefined) => {
    const device = where && (await restoreTap(where, LIMITS));
    t.truthy(device);
    if (device !== undefined) closeTap(device);
  };
  await open(await locate());
  take();
  const inside = await locate();
  t.like(inside, { ifname: 'eth3' });
  await open(inside);
  giveBack();
  const back = await locate(inside);
  t.like(back, { ifname: endpoint.hostLink, netns: { inode: 0 } });
  await open(back);
  take();
  await removeTap((await locate()) ?? endpoint);
  t.is(await locate(), undefined);
});
