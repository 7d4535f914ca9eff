import test from 'ava';
import type { Link } from '../net/ip.ts';
import { NO_PROGRAMS, setSearchPath } from '../testing/search-path.ts';
import { VETH } from '../testing/veth.ts';
import { UnderlayDevice } from './underlay-device.ts';

async function reasonOf(link: Link, forced: boolean): Promise<string | undefined> {
  const device = new UnderlayDevice(link);
  await device.judge(link, { forced });
  return device.reason;
}

test.serial(
  'without ethtool, a device of the right kind is left alone, and the reason says what to install',
  async t => {
    setSearchPath(t, NO_PROGRAMS);
    t.regex((await reasonOf(VETH, false)) ?? '', /^cannot run ethtool: .*; install the package ethtool$/);
  },
);

test.serial('a device of another kind, and one that is forced, need no ethtool', async t => {
  setSearchPath(t, NO_PROGRAMS);
  const { linkinfo, ...rest } = VETH;
  t.is(await reasonOf({ ...rest, parentbus: 'pci' }, false), 'eth0 is neither veth nor virtio');
  t.is(await reasonOf(VETH, true), undefined);
});

test('a device that has failed keeps the first reason, also when it is judged anew', async t => {
  const device = new UnderlayDevice(VETH);
  t.false(device.hasFailed);
  device.fail('its injector wi2 was taken apart');
  device.fail('its injector wi2 has failed');
  await device.judge(VETH, { forced: true });
  t.is(device.reason, 'its injector wi2 was taken apart');
  t.true(device.hasFailed);
  t.is(await device.open(), undefined);
});
