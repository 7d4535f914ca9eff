import test from 'ava';
import { isMulticastMac } from '../../dataplane/address.ts';
import { bridgeName, bridgeTapName, hostLinkName, ORPHAN_LINK, stableMac } from './names.ts';

test('stableMac() is locally administered and unicast, and the same every time', t => {
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const mac = stableMac('42', `198.18.0.${i}`);
    t.is(mac, stableMac('42', `198.18.0.${i}`));
    t.false(isMulticastMac(mac));
    t.is(Math.floor(mac / 2 ** 40) & 0x03, 0x02);
    seen.add(mac);
  }
  t.is(seen.size, 1000);
});

test('stableMac() keeps its parts apart', t => {
  t.not(stableMac('a', 'bc'), stableMac('ab', 'c'));
});

test('device names fit IFNAMSIZ for the longest network name', t => {
  const network = 'a'.repeat(12);
  for (const name of [bridgeName(network), bridgeTapName(network), hostLinkName('tap', 2 ** 32, 'eth0')]) {
    t.true(name.length <= 15, name);
  }
});

test('ORPHAN_LINK matches the links of endpoints and nothing of a network', t => {
  t.regex(hostLinkName('bridge', 4026532000, 'eth0'), ORPHAN_LINK);
  t.regex(hostLinkName('tap', 4026532000, 'eth0'), ORPHAN_LINK);
  t.notRegex(bridgeName('blue'), ORPHAN_LINK);
  t.notRegex(bridgeTapName('blue'), ORPHAN_LINK);
  t.notRegex('wlan0', ORPHAN_LINK);
});
