/** The underlay as this VM has it: which address is the VTEP, and how large a packet its link carries. */
import { type IpAddress, ipFamily, parseIp } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { innerMtu } from '../dataplane/mtu.ts';
import { defaultRoutes, type Link, listLinks } from './net/ip.ts';

export interface Underlay {
  readonly address: IpAddress;
  readonly ifname: string;
  /** MTU of the underlay link. */
  readonly mtu: number;
  /** The largest MTU that an overlay interface can have here: less the encapsulation of this family. */
  readonly innerMtu: number;
}

/** The configured address, or the source address of the default route. Throws `unavailable`. */
export async function findUnderlay(configured: IpAddress | undefined): Promise<Underlay> {
  const links = await listLinks();
  const address = configured ?? (await defaultSource(links));
  const link = links.find(({ addr_info }) => addr_info.some(({ local }) => parseIp(local) === address));
  if (link === undefined) {
    throw new WeftError('unavailable', `the underlay address ${address} is on no interface of this machine`, {
      hint: 'set node.underlay to an address that `ip address` shows',
    });
  }
  return { address, ifname: link.ifname, mtu: link.mtu, innerMtu: innerMtu(link.mtu, ipFamily(address)) };
}

async function defaultSource(links: readonly Link[]): Promise<IpAddress> {
  for (const family of [4, 6] as const) {
    for (const { dev, prefsrc } of await defaultRoutes(family)) {
      if (prefsrc !== undefined) return parseIp(prefsrc);
      const wanted = family === 4 ? 'inet' : 'inet6';
      const found = links
        .find(({ ifname }) => ifname === dev)
        ?.addr_info.find(info => info.family === wanted && info.scope === 'global');
      if (found !== undefined) return parseIp(found.local);
    }
  }
  throw new WeftError('unavailable', 'this machine has no default route to take the underlay address from', {
    hint: 'set node.underlay in the configuration',
  });
}

/** The MTU of a network: `auto` is the largest that fits; a larger one would be a black hole and is refused. */
export function networkMtu(name: string, configured: number | 'auto', underlay: Underlay): number {
  if (configured === 'auto') return underlay.innerMtu;
  if (configured <= underlay.innerMtu) return configured;
  throw new WeftError(
    'invalid_config',
    `mtu ${configured} of network ${name} does not fit: ${underlay.ifname} carries ${underlay.mtu} bytes, ` +
      `which leaves ${underlay.innerMtu} inside the encapsulation`,
    { hint: `set mtu: auto, or at most ${underlay.innerMtu}` },
  );
}
