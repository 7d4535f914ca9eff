/** Links that an earlier run has made and no endpoint has. */
import type { Log } from '../log.ts';
import { ownLinkNames } from '../net/ip.ts';
import { removeLinkIfThere } from '../net/rtnetlink/links.ts';
import type { Endpoint } from './endpoint.ts';
import { ORPHAN_LINK } from './names.ts';

export async function removeOrphans(log: Log, endpoints: readonly Endpoint[]): Promise<void> {
  const known = new Set(endpoints.map(endpoint => endpoint.hostLink));
  for (const ifname of await ownLinkNames()) {
    if (!ORPHAN_LINK.test(ifname) || known.has(ifname)) continue;
    log.warn({ ifname }, 'removing a link that belongs to no endpoint');
    await removeLinkIfThere(ifname);
  }
}
