import test from 'ava';
import type { Link } from '../net/ip.ts';
import { UnderlayDevice } from './underlay-device.ts';

const LINK: Link = {
  ifindex: 2,
  ifname: 'eth0',
  address: '02:00:5e:10:00:01',
  mtu: 1500,
  flags: ['UP'],
  link_type: 'ether',
  linkinfo: { info_kind: 'veth' },
  addr_info: [],
};

test('a device that has failed keeps the first reason, also when it is judged anew', async t => {
  const device = new UnderlayDevice(LINK);
  t.false(device.hasFailed);
  device.fail('its injector wi2 was taken apart');
  device.fail('its injector wi2 has failed');
  await device.judge(LINK, { forced: true });
  t.is(device.reason, 'its injector wi2 was taken apart');
  t.true(device.hasFailed);
  t.is(await device.open(), undefined);
});
