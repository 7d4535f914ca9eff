import test from 'ava';
import { requireInSubnet } from './subnet.ts';

const cases: [string, string, boolean][] = [
  ['198.18.0.2/24', '198.18.0.0/16', true],
  ['198.18.255.254/16', '198.18.0.0/16', true],
  ['198.19.0.2/16', '198.18.0.0/16', false],
  ['198.18.1.2/24', '198.18.0.0/23', true],
  ['198.18.2.2/24', '198.18.0.0/23', false],
  ['2001:db8::1/64', '198.18.0.0/16', true],
  ['2001:db8:0:1::1/64', '2001:db8::/64', false],
  ['2001:db8::ffff/64', '2001:db8::/64', true],
];

for (const [address, subnet, inside] of cases) {
  test(`requireInSubnet() ${inside ? 'accepts' : 'refuses'} ${address} for ${subnet}`, t => {
    if (inside) t.notThrows(() => requireInSubnet(address, subnet));
    else t.throws(() => requireInSubnet(address, subnet), { message: /is not in the subnet/ });
  });
}
