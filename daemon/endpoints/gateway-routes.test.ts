import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type IpAddress, parseIp } from '../../dataplane/address.ts';
import { netnsPath } from '../lab/names.ts';
import { memoryLog } from '../testing/memory-log.ts';
import { tempDirectory } from '../testing/temp-directory.ts';
import type { Endpoint } from './endpoint.ts';
import { EndpointStore } from './endpoint-store.ts';
import { followGateways, gatewayRoutes } from './gateway-routes.ts';

const BOTH = ['198.18.0.1', '2001:db8::1'].map(parseIp);

function endpoint(changes: Partial<Endpoint> = {}): Endpoint {
  return {
    network: 'blue',
    vni: 42,
    attach: 'bridge',
    netns: { name: 'web', path: '/run/netns/web', inode: 7 },
    ifname: 'eth0',
    mac: '02:00:5e:10:00:01',
    addresses: ['198.18.0.2/24', '2001:db8::2/64'],
    mtu: 1450,
    hostLink: 'wv000000000000',
    pending: false,
    ...changes,
  };
}

const NEIGHBOUR = endpoint({ ifname: 'eth1', hostLink: 'wv000000000001', routeMetric: 2000 });

for (const [title, one, gateways, others, expected] of [
  ['none', endpoint(), [], [], {}],
  ['of both families', endpoint(), BOTH, [], { gateways: BOTH, routeMetric: 2000 }],
  [
    'of the family that it has an address of',
    endpoint({ addresses: ['198.18.0.2/24'] }),
    BOTH,
    [],
    { gateways: ['198.18.0.1'], routeMetric: 2000 },
  ],
  ['behind another interface', endpoint(), BOTH, [NEIGHBOUR], { gateways: BOTH, routeMetric: 2001 }],
  [
    'with the rank that it has',
    endpoint({ gateways: ['198.18.0.9'], routeMetric: 2004 }),
    BOTH,
    [NEIGHBOUR],
    { gateways: BOTH, routeMetric: 2004 },
  ],
  ['handed over', endpoint({ handover: 'wc0' }), BOTH, [], { gateways: BOTH }],
] as const) {
  test(`gatewayRoutes(): ${title}`, t => {
    t.deepEqual(gatewayRoutes(one, { gateways }, others), expected as never);
  });
}

async function realEndpoint(t: ExecutionContext) {
  const name = `weft-gw-${t.title.length}-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  t.teardown(() => {
    if (existsSync(netnsPath(name))) execFileSync('ip', ['netns', 'del', name]);
  });
  const ip = (...args: string[]) => execFileSync('ip', ['-n', name, ...args], { encoding: 'utf8' });
  ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'other');
  ip('link', 'set', 'other', 'up');
  ip('link', 'set', 'eth0', 'up');
  ip('addr', 'add', '198.18.0.2/24', 'dev', 'eth0');
  ip('addr', 'add', '2001:db8::2/64', 'dev', 'eth0', 'nodad');
  const path = netnsPath(name);
  const recorded = endpoint({ netns: { name, path, inode: statSync(path).ino } });
  const store = new EndpointStore(await tempDirectory(t));
  await store.add(recorded);
  const { log, lines } = memoryLog();
  const follow = async (...gateways: readonly IpAddress[]) => {
    for (const one of store.all()) await followGateways({ store, log }, one, { gateways });
  };
  const routes = () =>
    ['-4', '-6']
      .flatMap(family => ip(family, 'route', 'show', 'default').split('\n'))
      .map(line => /via (\S+) .*metric (\d+)/.exec(line)?.slice(1).join(' '))
      .filter(line => line !== undefined);
  return { store, lines, follow, routes, ip };
}

test('followGateways(): switched on, moved, off', async t => {
  const { store, lines, follow, routes } = await realEndpoint(t);
  await follow(...BOTH);
  t.deepEqual(routes(), ['198.18.0.1 2000', '2001:db8::1 2000']);
  t.like(store.all()[0], { gateways: BOTH, routeMetric: 2000 });
  await follow(parseIp('198.18.0.254'), parseIp('2001:db8::1'));
  t.deepEqual(routes(), ['198.18.0.254 2000', '2001:db8::1 2000']);
  await follow();
  t.deepEqual(routes(), []);
  t.false('gateways' in (store.all()[0] ?? {}));
  t.false('routeMetric' in (store.all()[0] ?? {}));
  await follow();
  t.is(lines.length, 3);
});

test('followGateways(): what is so already is fine, and what fails stays as it was recorded', async t => {
  const { store, lines, follow, routes, ip } = await realEndpoint(t);
  ip('route', 'add', 'default', 'via', '198.18.0.1', 'metric', '2000');
  await follow(parseIp('198.18.0.1'));
  t.like(store.all()[0], { gateways: ['198.18.0.1'] });
  ip('route', 'del', 'default');
  await follow();
  t.deepEqual(routes(), []);
  const [before] = store.all();
  await follow(parseIp('203.0.113.1'));
  t.is(store.all()[0], before);
  t.is(lines.length, 3, JSON.stringify(lines));
  t.like(lines[2], { level: 'error', msg: 'cannot follow the gateways of its network' });
});
