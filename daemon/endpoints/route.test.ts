import test from 'ava';
import { routeSchema, routesKey } from './route.ts';

test('routeSchema makes a route canonical', t => {
  t.deepEqual(routeSchema.parse({ dst: '2001:DB8:0::/32', gateway: 'FE80:0::1', mtu: 1400, table: 7 }), {
    dst: '2001:db8::/32',
    gateway: 'fe80::1',
    mtu: 1400,
    table: 7,
  });
  for (const dst of ['0.0.0.0/0', '::/0', '198.18.5.9/32', '224.0.0.0/4']) {
    t.deepEqual(routeSchema.parse({ dst }), { dst });
  }
});

const REFUSED: readonly (readonly [unknown, RegExp])[] = [
  [{}, /is missing; add it/],
  [{ dst: 'default' }, /"default" is not an address with a prefix length/],
  [{ dst: '10.0.0.1/8' }, /"10\.0\.0\.1\/8" has bits set beyond its prefix; write 10\.0\.0\.0\/8/],
  [{ dst: '10.0.0.0/8', gateway: '10.0.0.0/8' }, /is not an IP address/],
  [{ dst: '10.0.0.0/8', gateway: '0.0.0.0' }, /no gateway: it is an address of "this network"/],
  [{ dst: '10.0.0.0/8', gateway: '::' }, /no gateway: it is the unspecified address/],
  [{ dst: '10.0.0.0/8', gateway: 'fe80::1' }, /are of different families/],
  [{ dst: '::/0', gateway: '198.18.0.1' }, /are of different families/],
  [{ dst: '10.0.0.0/8', mtu: 67 }, /write a whole number from 68 to 65535/],
  [{ dst: '10.0.0.0/8', table: 0 }, /0 is not a routing table/],
  [{ dst: '10.0.0.0/8', scope: 256 }, /256 is not the scope of a route/],
  [{ dst: '10.0.0.0/8', priority: -1 }, /-1 is not the priority of a route/],
  [{ dst: '10.0.0.0/8', gw: '198.18.0.1' }, /gw/],
];

for (const [value, expected] of REFUSED) {
  test(`routeSchema refuses ${JSON.stringify(value)}`, t => {
    const { error } = routeSchema.safeParse(value);
    t.regex(error?.issues[0]?.message ?? '', expected);
  });
}

test('routesKey() tells lists apart, whatever the order of keys', t => {
  const route = { dst: '10.0.0.0/8', gateway: '198.18.0.1' };
  t.is(routesKey([route]), routesKey([{ gateway: '198.18.0.1', dst: '10.0.0.0/8', mtu: undefined }]));
  t.not(routesKey([route]), routesKey([{ ...route, mtu: 1400 }]));
  t.not(routesKey([route]), routesKey([route, { dst: '::/0' }]));
  t.is(routesKey(), routesKey([]));
});
