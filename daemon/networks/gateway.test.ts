import test from 'ava';
import { parseIp, parseVni } from '../../dataplane/address.ts';
import { firstOf, gatewayAddresses, linkLocalOf, ownGateway } from './gateway.ts';

const BLUE = {
  vni: parseVni(42),
  mode: 'overlay',
  gateway: true,
  gatewayAddresses: [],
  subnet: '198.18.0.0/24',
  subnet6: '2001:db8:18::/64',
} as const;

test('the gateway has the first address of each subnet, or the one that was given', t => {
  t.deepEqual(gatewayAddresses(BLUE), ['198.18.0.1', '2001:db8:18::1']);
  const given = { ...BLUE, gatewayAddresses: [parseIp('2001:db8:18::ffff')] };
  t.deepEqual(gatewayAddresses(given), ['198.18.0.1', '2001:db8:18::ffff']);
  t.deepEqual(ownGateway(given)?.addresses, ['198.18.0.1/24', '2001:db8:18::ffff/64']);
  t.deepEqual(ownGateway({ ...BLUE, subnet: undefined })?.addresses, ['2001:db8:18::1/64']);
});

test('its MAC follows from the VNI alone, and is one of a single interface', t => {
  const mac = ownGateway(BLUE)?.mac ?? '';
  t.is(ownGateway({ ...BLUE, subnet: '198.19.0.0/24' })?.mac, mac);
  t.not(ownGateway({ ...BLUE, vni: parseVni(43) })?.mac, mac);
  t.is(Number.parseInt(mac.slice(0, 2), 16) & 3, 2);
});

for (const [title, network, addresses, isOwn] of [
  ['an overlay without one', { ...BLUE, gateway: false }, [], false],
  [
    'mode bridge always has one',
    { ...BLUE, mode: 'bridge', gateway: false },
    ['198.18.0.1', '2001:db8:18::1'],
    true,
  ],
  ['mode macvlan without a router', { ...BLUE, mode: 'macvlan' }, [], false],
  [
    'mode macvlan with the router of somebody else',
    { ...BLUE, mode: 'macvlan', gatewayAddresses: [parseIp('198.18.0.254')] },
    ['198.18.0.254'],
    false,
  ],
  ['mode host', { ...BLUE, mode: 'host' }, [], false],
] as const) {
  test(`by mode: ${title}`, t => {
    t.deepEqual(gatewayAddresses(network), addresses as readonly string[] as never);
    t.is(ownGateway(network) !== undefined, isOwn);
  });
}

test('firstOf(): also where there are two addresses alone', t => {
  for (const [subnet, first] of [
    ['198.18.0.0/16', '198.18.0.1'],
    ['198.18.0.128/25', '198.18.0.129'],
    ['198.18.0.4/31', '198.18.0.4'],
    ['198.18.0.4/30', '198.18.0.5'],
    ['2001:db8::/64', '2001:db8::1'],
    ['2001:db8::2/127', '2001:db8::2'],
  ] as const) {
    t.is(firstOf(subnet), parseIp(first), subnet);
  }
});

test('linkLocalOf(): the modified EUI-64 of RFC 4291 appendix A', t => {
  t.is(linkLocalOf('34:56:78:9a:bc:de'), parseIp('fe80::3656:78ff:fe9a:bcde'));
});
