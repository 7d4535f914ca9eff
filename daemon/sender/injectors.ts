/**
 * The injectors of this node: one TAP for each underlay device that is sent into, called `wi` and the index of that
 * device, for its name may be too long. They are not persistent: whatever ends the daemon removes them, and the
 * redirection with them.
 */
import { closeInjector, openInjector } from '../../dataplane/injector-device.ts';
import { type Link, listLinks } from '../net/ip.ts';
import type { KernelTables } from '../net/kernel-tables.ts';
import { isRedirected, redirectIngress } from '../net/redirect.ts';
import { raiseSilently } from './self-test.ts';

export interface Injector {
  readonly name: string;
  readonly fd: number;
}

export function injectorName({ ifindex }: Pick<Link, 'ifindex'>): string {
  return `wi${ifindex}`;
}

/** Opens the injector of an underlay device. Throws WeftError, and then nothing is left of it. */
export async function openInjectorFor(link: Link): Promise<Injector> {
  const injector = openInjector(injectorName(link));
  try {
    await raiseSilently(injector.name);
    await redirectIngress(injector.name, link.ifname);
    return injector;
  } catch (error) {
    closeInjector(injector);
    throw error;
  }
}

/**
 * Whether what is written into the injector still leaves by its device. What speaks against it is asked for once more: a
 * list that changes while the kernel dumps it can lack what is there (NLM_F_DUMP_INTR, linux/netlink.h).
 */
export async function isInjectorSound(
  injector: Injector,
  link: Link,
  { tables, links }: { readonly tables: KernelTables; readonly links: readonly Link[] },
): Promise<boolean> {
  const isUp = (listed: readonly Link[]): boolean =>
    listed.find(({ ifname }) => ifname === injector.name)?.flags.includes('UP') === true;
  if (isUp(links) && (await tables.isRedirected(injector.name, link.ifname))) return true;
  return isUp(await listLinks()) && (await isRedirected(injector.name, link.ifname));
}
