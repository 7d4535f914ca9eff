import test from 'ava';
import { type NetworkShape, shapeProblem } from './mode-rules.ts';

const SUBNETS = { subnet: '198.18.0.0/24', subnet6: '2001:db8:18::/64' };

for (const [title, shape] of [
  ['nothing is said', {}],
  ['an overlay with a gateway', { ...SUBNETS, gateway: true }],
  [
    'an overlay by TAPs with one of each family',
    { ...SUBNETS, attach: 'tap', gateway: true, gatewayAddresses: ['198.18.0.9', '2001:db8:18::9'] },
  ],
  ['a bridge', { mode: 'bridge', attach: 'bridge', ...SUBNETS }],
  ['a bridge with its gateway elsewhere', { mode: 'bridge', ...SUBNETS, gatewayAddresses: ['198.18.0.254'] }],
  ['macvlan without subnets', { mode: 'macvlan', parent: 'eth1' }],
  [
    'macvlan with a router',
    {
      mode: 'macvlan',
      parent: 'eth1',
      subnet: '192.0.2.0/24',
      gateway: true,
      gatewayAddresses: ['192.0.2.254'],
    },
  ],
  ['host', { mode: 'host' }],
] as const) {
  test(`can be made: ${title}`, t => {
    t.is(shapeProblem(shape as NetworkShape), undefined);
  });
}

for (const [title, shape, key, message] of [
  [
    'TAPs without the dataplane',
    { mode: 'bridge', attach: 'tap', ...SUBNETS },
    'attach',
    /^is tap, which is for mode overlay alone, not bridge;/,
  ],
  [
    'VTEPs without VXLAN',
    { mode: 'host', hasStaticVteps: true },
    'hasStaticVteps',
    /^are for mode overlay alone, not host;/,
  ],
  ['macvlan on nothing', { mode: 'macvlan' }, 'parent', /^is missing; name the interface/],
  ['a parent of nothing', { parent: 'eth1' }, 'parent', /^is for mode macvlan alone, not overlay;/],
  ['host with a subnet', { mode: 'host', subnet6: '2001:db8::/64' }, 'subnet6', /^is of no use to mode host/],
  ['host with a gateway', { mode: 'host', gateway: true }, 'gateway', /^is not for mode host;/],
  [
    'macvlan whose router is not told',
    { mode: 'macvlan', parent: 'eth1', ...SUBNETS, gateway: true },
    'gateway',
    /^of mode macvlan is a router outside;/,
  ],
  ['a bridge without addresses', { mode: 'bridge' }, 'subnet', /^is missing; mode bridge needs one/],
  ['a gateway in no subnet', { gateway: true }, 'gateway', /^needs a subnet to be in;/],
  [
    'an address of no gateway',
    { ...SUBNETS, gateway: false, gatewayAddresses: ['198.18.0.1'] },
    'gatewayAddresses',
    /^are of no use without a gateway;/,
  ],
  [
    'an address outside',
    { ...SUBNETS, gateway: true, gatewayAddresses: ['198.19.0.1'] },
    'gatewayAddresses',
    /^198\.19\.0\.1 is not in the subnet 198\.18\.0\.0\/24/,
  ],
  [
    'the broadcast address',
    { ...SUBNETS, gateway: true, gatewayAddresses: ['198.18.0.255'] },
    'gatewayAddresses',
    /broadcast address of its subnet/,
  ],
  [
    'two of a family',
    { ...SUBNETS, gateway: true, gatewayAddresses: ['198.18.0.1', '198.18.0.2'] },
    'gatewayAddresses',
    /^has two addresses of IPv4;/,
  ],
  [
    'one of a family without a subnet',
    { subnet: SUBNETS.subnet, gateway: true, gatewayAddresses: ['2001:db8::1'] },
    'gatewayAddresses',
    /the network no subnet of IPv6$/,
  ],
] as const) {
  test(`refused: ${title}`, t => {
    const problem = shapeProblem(shape as NetworkShape);
    t.is(problem?.key, key);
    t.regex(problem?.message ?? '', message);
  });
}
