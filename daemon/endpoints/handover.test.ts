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

/** Tests of this file run at once. */
let rigs = 0;

/** Other tests run at once, and a daemon that starts takes away the links of endpoints that it does not know. */
function ownNames(place: ReturnType<typeof handoverPlace>) {
  const [hostLink, handover = '', ifname] = [place.hostLink, place.handover, place.ifname].map(name =>
    name?.replace(/^w/, 't'),
  );
  return { hostLink: hostLink ?? '', handover, ifname: ifname ?? '' };
}

/** A bridge as the network has it, and the name of a namespace that is not made yet. */
function rig(t: ExecutionContext, attach: 'bridge' | 'tap') {
  rigs += 1;
  const network = `h${rigs}${process.pid}`.slice(0, 12);
  const netns = `weft-handover-${rigs}-${process.pid}`;
  if (attach === 'bridge') ip('link', 'add', bridgeName(network), 'type', 'bridge');
  const place = handoverPlace(
    { handover: { id: netns, sandbox: netnsPath(netns) }, leases: ['docker-1'], network },
    attach,
  );
  const endpoint: Endpoint = {
    network,
    vni: 42,
    mac: '02:00:5e:10:00:07',
    addresses: ['198.18.0.7/24'],
    mtu: 1450,
    pending: false,
    ...place,
    ...ownNames(place),
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
  /** Between the two messages by which it does so. */
  const move = () => {
    ip('netns', 'add', netns);
    ip('link', 'set', endpoint.handover ?? '', 'netns', netns);
  };
  const rename = () => ip('-n', netns, 'link', 'set', endpoint.handover ?? '', 'name', 'eth3');
  const giveBack = () =>
    ip('-n', netns, 'link', 'set', 'eth3', 'name', endpoint.handover ?? '', 'netns', `${process.pid}`);
  return { endpoint, netns, locate, take, move, rename, giveBack };
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

for (const attach of ['bridge', 'tap'] as const) {
  test(`${attach}: seen between its move and its new name, it is looked for again`, async t => {
    const { endpoint, locate, move, rename } = rig(t, attach);
    const device =
      attach === 'bridge' ? await attachByBridge(endpoint, LIMITS) : await attachByTap(endpoint, LIMITS);
    move();
    const moved = (await locate()) ?? endpoint;
    t.is(moved.ifname, endpoint.handover ?? '');
    t.not(moved.netns.inode, 0);
    t.true(isAwaited(moved));
    t.is(await locate(moved), moved);
    rename();
    const inside = (await locate(moved)) ?? endpoint;
    t.is(inside.ifname, 'eth3');
    t.false(isAwaited(inside));
    t.is(await locate(inside), inside);
    if (device !== undefined) closeTap(device);
    await (attach === 'bridge' ? detachFromBridge(inside) : removeTap(inside));
  });
}

test('tap: brought back while it is looked for, it is not taken for gone', async t => {
  const { endpoint, netns, locate, take, giveBack } = rig(t, 'tap');
  closeTap(await attachByTap(endpoint, LIMITS));
  take();
  const inside = (await locate()) ?? endpoint;
  const before = await ownLinkNames();
  giveBack();
  ip('netns', 'del', netns);
  t.like(await locateHandedOver(inside, before), { ifname: endpoint.hostLink, netns: { inode: 0 } });
  await removeTap((await locate()) ?? endpoint);
});

test('handoverPlace refuses kinds that weft attaches itself', t => {
  const request = { handover: { id: 'e', sandbox: '/run/netns/e' }, leases: undefined, network: 'lan' };
  t.throws(() => handoverPlace(request, 'macvlan'), { code: 'invalid_argument', message: /of mode macvlan/ });
});
