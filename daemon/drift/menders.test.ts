/** The menders against the kernel: what of a pair, a macvlan or a bridge is not as it should be, in namespaces of their own. */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import test from 'ava';
import type { NetworkConfig } from '../config/config.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { bridgeName } from '../endpoints/names.ts';
import type { AttachableNetwork } from '../endpoints/plan.ts';
import { numberNamespace } from '../net/rtnetlink/nsid.ts';
import { isAlive, mendEndpoint, remakeInterface } from './endpoint-mender.ts';
import { mendNetwork } from './network-mender.ts';

const ID = String(process.pid);
const NETNS = `weft-mend-${ID}`;
const PATH = `/run/netns/${NETNS}`;
const NETWORK = `m${ID}`;
const BRIDGE = bridgeName(NETWORK);
const PARENT = `wp${ID}`;
const LIMITS = { gsoMaxSegs: 44, superFrames: { tso: true, uso: true } };

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' });
}

function inside(...words: readonly string[]): string {
  return ip('-n', NETNS, ...words);
}

/** Words of a command; true: it was done inside. */
type Change = readonly [isInside: boolean, ...words: string[]];

function change([isInside, ...words]: Change): void {
  if (isInside) inside(...words);
  else ip(...words);
}

let endpoint: Endpoint;

const WIRING = { addPort: async () => {}, removePort: async () => {}, attachMac: async () => {} };
const CARRIER = { ...LIMITS, name: NETWORK, parent: PARENT } as unknown as AttachableNetwork;

test.before(async () => {
  ip('netns', 'add', NETNS);
  ip('link', 'add', BRIDGE, 'mtu', '1450', 'type', 'bridge');
  ip('link', 'set', BRIDGE, 'up');
  ip('link', 'add', PARENT, 'type', 'bridge');
  ip('link', 'set', PARENT, 'up');
  await numberNamespace(PATH);
  endpoint = {
    ...{ network: NETWORK, vni: 42, attach: 'bridge', hostLink: `wv${ID}`, ifname: 'eth0', mtu: 1450 },
    ...{ mac: '02:00:5e:10:00:01', addresses: ['198.18.0.5/24', '2001:db8::5/64'], pending: false },
    ...{ routes: [{ dst: '203.0.113.0/24', gateway: '198.18.0.9' }] },
    ...{ gateways: ['198.18.0.1', '2001:db8::1'], routeMetric: 2000 },
    netns: { name: NETNS, path: PATH, inode: statSync(PATH).ino },
  };
  await remakeInterface(endpoint, CARRIER, WIRING);
});

test.after.always(() => {
  if (existsSync(PATH)) ip('netns', 'del', NETNS);
  for (const link of [BRIDGE, PARENT]) execFileSync('ip', ['link', 'del', link]);
});

const DAMAGES: readonly (readonly [string, Change, readonly string[]])[] = [
  ['nothing', [false, 'link', 'show', 'lo'], []],
  ['the place in the bridge', [false, 'link', 'set', `wv${ID}`, 'nomaster'], ['port']],
  ['the host end, down', [false, 'link', 'set', `wv${ID}`, 'down'], ['state']],
  ['its MTU', [false, 'link', 'set', `wv${ID}`, 'mtu', '1400'], ['mtu']],
  ['the MTU inside', [true, 'link', 'set', 'eth0', 'mtu', '1400'], ['mtu']],
  ['an address', [true, 'addr', 'del', '2001:db8::5/64', 'dev', 'eth0'], ['address']],
  ['a route', [true, 'route', 'del', '203.0.113.0/24'], ['route']],
  ['all routes', [true, 'route', 'flush', 'dev', 'eth0'], ['route', 'route', 'route']],
  [
    'all of IPv4',
    [true, 'addr', 'flush', 'dev', 'eth0', 'scope', 'global'],
    ['address', 'address', 'route', 'route'],
  ],
];

for (const [what, words, expected] of DAMAGES) {
  test.serial(`mendEndpoint(): ${what}`, async t => {
    change(words);
    t.deepEqual(await mendEndpoint(endpoint, LIMITS), expected);
    t.deepEqual(await mendEndpoint(endpoint, LIMITS), []);
  });
}

test.serial('mendEndpoint(): what is no business of weft’s', async t => {
  inside('route', 'del', '203.0.113.0/24');
  t.deepEqual(await mendEndpoint({ ...endpoint, routesLeft: true }, LIMITS), [], 'routes are left');
  t.deepEqual(await mendEndpoint({ ...endpoint, handover: 'wc' }, LIMITS), [], 'a runtime has it');
  t.deepEqual(await mendEndpoint({ ...endpoint, ifname: 'eth7' }, LIMITS), [], 'it was renamed');
  t.deepEqual(await mendEndpoint({ ...endpoint, attach: 'host' }, LIMITS), []);
  const elsewhere = { ...endpoint, netns: { ...endpoint.netns, inode: 1 } };
  t.deepEqual(await mendEndpoint(elsewhere, LIMITS), [], 'another namespace has its path');
  t.deepEqual(await mendEndpoint(endpoint, LIMITS), ['route']);
});

test.serial('a pair that is gone is made again in its namespace, and in no other', async t => {
  ip('link', 'del', `wv${ID}`);
  t.is(await mendEndpoint(endpoint, LIMITS), 'gone');
  const elsewhere = { ...endpoint, netns: { ...endpoint.netns, inode: 1 } };
  t.false(await isAlive(elsewhere));
  t.false(await remakeInterface(elsewhere, CARRIER, WIRING));
  t.true(await remakeInterface(endpoint, CARRIER, WIRING));
  t.deepEqual(await mendEndpoint(endpoint, LIMITS), []);
  t.regex(inside('route'), /203\.0\.113\.0\/24 via 198\.18\.0\.9 dev eth0/);
  t.regex(inside('link', 'show', 'eth0'), /02:00:5e:10:00:01/);
});

test.serial('isAlive(): not a namespace that no link of ours has led to', async t => {
  const name = `${NETNS}-new`;
  ip('netns', 'add', name);
  t.teardown(() => ip('netns', 'del', name));
  const path = `/run/netns/${name}`;
  t.false(await isAlive({ netns: { name, path, inode: statSync(path).ino } }));
  t.true(await isAlive(endpoint));
});

test.serial('a macvlan is made again with all that it had', async t => {
  const macvlan: Endpoint = {
    ...{ ...endpoint, attach: 'macvlan', mode: 'macvlan', hostLink: 'wm', ifname: 'eth5', mtu: 1500 },
    ...{ mac: '02:00:5e:10:00:05', addresses: ['198.18.5.5/24'], gateways: [] },
    routes: [{ dst: '203.0.114.0/24', gateway: '198.18.5.9' }],
  };
  t.true(await remakeInterface(macvlan, CARRIER, WIRING));
  t.deepEqual(await mendEndpoint(macvlan, LIMITS), []);
  t.regex(inside('route'), /203\.0\.114\.0\/24 via 198\.18\.5\.9 dev eth5/);
  inside('link', 'del', 'eth5');
});

const CONFIG = {
  ...{ name: NETWORK, vni: 42, mode: 'bridge', gateway: true, gatewayAddresses: [] },
  ...{ subnet: '198.18.0.0/24', subnet6: '2001:db8::/64' },
} as unknown as NetworkConfig;

const CARRIED = {
  ...{ name: NETWORK, mtu: 1450, devices: [BRIDGE], config: CONFIG },
  route: { name: NETWORK, device: BRIDGE, subnets: ['198.18.0.0/24', '2001:db8::/64'] },
};

const NETWORK_DAMAGES: readonly (readonly [string, Change, readonly string[]])[] = [
  [
    'all addresses of the gateway',
    [false, 'addr', 'flush', 'dev', BRIDGE],
    ['address', 'address', 'address'],
  ],
  ['nothing', [false, 'link', 'show', 'lo'], []],
  ['the bridge, down', [false, 'link', 'set', BRIDGE, 'down'], ['state', 'address', 'address']],
  ['its MTU', [false, 'link', 'set', BRIDGE, 'mtu', '1400'], ['mtu']],
  ['an address', [false, 'addr', 'del', '198.18.0.1/24', 'dev', BRIDGE], ['address']],
  ['the route to the subnet', [false, 'route', 'del', '198.18.0.0/24', 'dev', BRIDGE], ['route']],
];

for (const [what, words, expected] of NETWORK_DAMAGES) {
  test.serial(`mendNetwork(): ${what}`, async t => {
    change(words);
    t.deepEqual(await mendNetwork(CARRIED), expected);
    t.deepEqual(await mendNetwork(CARRIED), []);
  });
}

test.serial('mendNetwork(): a device that is gone is made elsewhere', async t => {
  t.is(await mendNetwork({ ...CARRIED, devices: [BRIDGE, `wt-${NETWORK}`] }), 'gone');
  t.deepEqual(await mendNetwork({ ...CARRIED, route: undefined }), [], 'the VM is no gateway');
});
