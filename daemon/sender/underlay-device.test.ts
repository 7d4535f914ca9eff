import test from 'ava';
import type { Link } from '../net/ip.ts';
import { VETH } from '../testing/veth.ts';
import { UnderlayDevice } from './underlay-device.ts';

/** There is no such link here: what is asked of the kernel is refused. */
const MISSING: Link = { ...VETH, ifname: 'no-such-link' };

function reasonOf(link: Link, forced: boolean): string | undefined {
  const device = new UnderlayDevice(link);
  device.judge(link, { forced });
  return device.reason;
}

test('a device of the right kind whose offloads cannot be found out is left alone, and the reason says why', t => {
  t.is(reasonOf(MISSING, false), 'cannot ask for the offloads of no-such-link: no such device (ENODEV)');
});

test('of a device of another kind, and of one that is forced, the offloads are not asked for', t => {
  const { linkinfo, ...rest } = MISSING;
  t.is(reasonOf({ ...rest, parentbus: 'pci' }, false), 'no-such-link is neither veth nor virtio');
  t.is(reasonOf(MISSING, true), undefined);
});

test('a device that has failed keeps the first reason, also when it is judged anew', async t => {
  const device = new UnderlayDevice(VETH);
  t.false(device.hasFailed);
  device.fail('its injector wi2 was taken apart');
  device.fail('its injector wi2 has failed');
  device.judge(VETH, { forced: true });
  t.is(device.reason, 'its injector wi2 was taken apart');
  t.true(device.hasFailed);
  t.is(await device.open(), undefined);
});
