import test from 'ava';
import { requireInSubnets } from './subnet.ts';

const BLUE = ['198.18.0.0/16', '2001:db8::/64'];

const cases: [string, readonly (string | undefined)[], boolean][] = [
  ['198.18.0.2/24', ['198.18.0.0/16', undefined], true],
  ['198.18.255.254/16', ['198.18.0.0/16'], true],
  ['198.19.0.2/16', ['198.18.0.0/16'], false],
  ['198.18.1.2/24', ['198.18.0.0/23'], true],
  ['198.18.2.2/24', ['198.18.0.0/23'], false],
  ['2001:db8::1/64', ['198.18.0.0/16', undefined], true],
  ['2001:db8:0:1::1/64', ['2001:db8::/64'], false],
  ['2001:db8::ffff/64', ['2001:db8::/64'], true],
  ['2001:db8::ffff/64', BLUE, true],
  ['2001:db8:0:1::1/64', BLUE, false],
  ['198.18.0.2/24', BLUE, true],
  ['198.19.0.2/24', BLUE, false],
  ['198.19.0.2/24', [undefined, undefined], true],
];

for (const [address, subnets, inside] of cases) {
  test(`requireInSubnets() ${inside ? 'accepts' : 'refuses'} ${address} for ${subnets}`, t => {
    if (inside) t.notThrows(() => requireInSubnets(address, subnets));
    else t.throws(() => requireInSubnets(address, subnets), { message: /is not in the subnet/ });
  });
}
