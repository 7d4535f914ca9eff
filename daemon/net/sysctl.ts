/** Settings below /proc/sys/net, each with a path relative to it, as in ipv6/conf/eth0/accept_ra. */
import { writeFile } from 'node:fs/promises';
import { WeftError } from '../../dataplane/errors.ts';

export type NetSysctls = Readonly<Record<string, number>>;

/** The file of a setting: it shows the network namespace of whoever opens it. */
function sysctlFile(path: string): string {
  return `/proc/sys/net/${path}`;
}

/**
 * Writes settings of the daemon's own namespace. What is not there is passed over: a kernel without IPv6, and a device
 * with an MTU below 1280, have no ipv6/conf.
 */
export async function setNetSysctls(values: NetSysctls): Promise<void> {
  for (const [path, value] of Object.entries(values)) {
    try {
      await writeFile(sysctlFile(path), String(value));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new WeftError('system', `cannot set the sysctl ${path}: ${(cause as Error).message}`, { cause });
    }
  }
}
