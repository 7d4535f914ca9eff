import test from 'ava';
import { parseIp, parseMac } from '../../dataplane/address.ts';
import type { Link } from '../net/ip.ts';
import type { Neighbour, Route } from '../net/kernel-tables.ts';
import { pathTo } from './next-hop.ts';

const ETH0: Link = {
  ifindex: 2,
  ifname: 'eth0',
  address: '02:00:00:00:00:01',
  mtu: 1500,
  flags: ['BROADCAST', 'UP', 'LOWER_UP'],
  link_type: 'ether',
  linkinfo: { info_kind: 'veth' },
  addr_info: [],
};
const VTEP = parseIp('192.0.2.2');
const MAC = '02:00:00:00:00:02';
const ON_LINK: Route = { dst: '192.0.2.2', dev: 'eth0' };

function neighbour(state: string, more: Partial<Neighbour> = {}): Neighbour {
  return { dst: '192.0.2.2', dev: 'eth0', lladdr: MAC, state: [state], ...more };
}

function path(route: Route, neighbours: readonly Neighbour[], link: Link = ETH0) {
  return pathTo(VTEP, { links: [link], routes: [route], neighbours });
}

for (const state of ['PERMANENT', 'NOARP', 'REACHABLE', 'PROBE', 'DELAY']) {
  test(`a neighbour in state ${state} is sent to`, t => {
    t.like(path(ON_LINK, [neighbour(state)])?.nextHop, { mac: parseMac(MAC), isStale: false });
  });
}

test('a stale neighbour is sent to, and has to be confirmed', t => {
  t.true(path(ON_LINK, [neighbour('STALE')])?.nextHop?.isStale);
});

for (const [what, neighbours] of [
  ['that failed', [neighbour('FAILED')]],
  ['that is being asked for', [{ dst: '192.0.2.2', dev: 'eth0', state: ['INCOMPLETE'] }]],
  ['on another device', [neighbour('REACHABLE', { dev: 'eth1' })]],
  ['of another address', [neighbour('REACHABLE', { dst: '192.0.2.22' })]],
  ['that is not there', []],
] as const) {
  test(`a neighbour ${what} is not sent to, and the rest of the path is known`, t => {
    const found = path(ON_LINK, neighbours);
    t.is(found?.nextHop, undefined);
    t.like(found, { vtep: VTEP, mtu: 1500, link: ETH0 });
  });
}

test('behind a router, the next hop is the router, also one of another family', t => {
  const v4 = neighbour('REACHABLE', { dst: '192.0.2.254', lladdr: '02:00:00:00:00:fe' });
  const v6 = neighbour('REACHABLE', { dst: 'fe80::1', lladdr: '02:00:00:00:00:06' });
  const neighbours = [neighbour('REACHABLE'), v4, v6];
  t.is(path({ ...ON_LINK, gateway: '192.0.2.254' }, neighbours)?.nextHop?.neighbour, v4);
  t.is(path({ ...ON_LINK, via: { host: 'fe80::1' } }, neighbours)?.nextHop?.neighbour, v6);
});

test('the MTU of the route counts when it is less than that of the link', t => {
  const mtu = (value: number) => path({ ...ON_LINK, metrics: [{ mtu: value }] }, [])?.mtu;
  t.deepEqual([mtu(1400), mtu(9000)], [1400, 1500]);
});

test('there is no path without a route, nor by a link without carrier', t => {
  t.is(path({ ...ON_LINK, dst: '192.0.2.3' }, [neighbour('REACHABLE')]), undefined);
  t.is(path(ON_LINK, [neighbour('REACHABLE')], { ...ETH0, flags: ['UP'] }), undefined);
  t.is(path({ ...ON_LINK, dev: 'eth1' }, [neighbour('REACHABLE')]), undefined);
});
