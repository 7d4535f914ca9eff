import test from 'ava';
import { type Occupied, overlap, sharedBy } from './collisions.ts';

const BLUE: Occupied = { name: 'blue', vni: 42, subnet: '198.18.0.0/16', subnet6: '2001:db8:1::/64' };
const GREEN: Occupied = { name: 'green', vni: 43, subnet: '198.19.0.0/16', subnet6: '2001:db8:2::/64' };

for (const [title, change, shared] of [
  ['nothing', {}, undefined],
  ['a name', { name: 'blue' }, 'the name "blue"'],
  ['a VNI', { vni: 42 }, 'VNI 42'],
  ['a subnet', { subnet: '198.18.0.0/16' }, 'subnet 198.18.0.0/16'],
  ['a part of one', { subnet: '198.18.7.0/24' }, 'addresses of 198.18.7.0/24 (198.18.0.0/16)'],
  ['more than one', { subnet: '198.16.0.0/12' }, 'addresses of 198.16.0.0/12 (198.18.0.0/16)'],
  [
    'an IPv6 subnet, given as the only one',
    { subnet: '2001:db8:1::/64', subnet6: null },
    'subnet 2001:db8:1::/64',
  ],
  ['no subnets at all', { subnet: null, subnet6: null }, undefined],
] as const) {
  test(`sharedBy() finds ${title}`, t => {
    t.is(sharedBy({ ...GREEN, ...change }, BLUE), shared);
  });
}

for (const [one, other, expected] of [
  ['10.0.0.0/8', '10.255.0.0/16', true],
  ['10.0.0.0/9', '10.128.0.0/9', false],
  ['198.18.0.0/31', '198.18.0.2/31', false],
  ['198.18.0.0/15', '198.19.255.254/31', true],
  ['2001:db8::/33', '2001:db8:8000::/33', false],
  ['2001:db8::/32', '2001:db8:8000::/33', true],
  ['10.0.0.0/8', '2001:db8::/32', false],
] as const) {
  test(`overlap(${one}, ${other}) is ${expected}`, t => {
    t.is(overlap(one, other), expected);
    t.is(overlap(other, one), expected);
  });
}
