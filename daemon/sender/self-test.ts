/** Makes the devices of the tunnel-GSO sender's self-test (dataplane/tunnel-probe.ts), and removes them. */
import type { IpAddress } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { injectedErrno } from '../../dataplane/fault-injection.ts';
import {
  closeInjector,
  type InjectorDevice,
  openInjector,
  openObserver,
} from '../../dataplane/injector-device.ts';
import { probeTunnel } from '../../dataplane/tunnel-probe.ts';
import { changeLinks } from '../net/ip.ts';
import { redirectIngress } from '../net/redirect.ts';
import { setNetSysctls } from '../net/sysctl.ts';

const INJECTOR = 'wi-test';
const OBSERVER = 'wo-test';

/** Why the sender cannot be used on this machine, in words; undefined if it can. */
export async function testTunnelSender(underlay: IpAddress): Promise<string | undefined> {
  if (injectedErrno('tunnel-gso@start') !== 0)
    return 'this kernel takes no super-frames in tunnels (injected)';
  const devices: InjectorDevice[] = [];
  try {
    const injector = openInjector(INJECTOR);
    devices.push(injector);
    const observer = openObserver(OBSERVER);
    devices.push(observer);
    await raiseSilently(INJECTOR);
    await raiseSilently(OBSERVER);
    await redirectIngress(INJECTOR, OBSERVER);
    return probeTunnel({ injector: injector.fd, observer: observer.fd }, underlay);
  } catch (error) {
    if (error instanceof WeftError) return error.message;
    throw error;
  } finally {
    for (const device of devices) closeInjector(device);
  }
}

/** Sets a device of the sender up: as ours, without addresses, and saying nothing by itself. */
export async function raiseSilently(name: string): Promise<void> {
  await setNetSysctls({ [`ipv6/conf/${name}/disable_ipv6`]: 1 });
  await changeLinks([`link set dev ${name} alias weft arp off up`]);
}
