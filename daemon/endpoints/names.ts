/** Names and MAC addresses that come out the same every time they are derived. */
import { createHash } from 'node:crypto';
import { formatMac, type MacAddress, parseMac } from '../../dataplane/address.ts';

function digest(...parts: readonly string[]): Buffer {
  return createHash('sha256').update(parts.join('\0')).digest();
}

/**
 * A stable MAC: locally administered (bit 1 of the first byte) and unicast (bit 0 clear), IEEE 802-2014 section 8.2;
 * the other 46 bits are a hash, so that 10,000 of them collide with a chance below 10^-6.
 */
export function stableMac(...parts: readonly string[]): MacAddress {
  const bytes = digest('mac', ...parts).subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return parseMac(bytes.toString('hex').replace(/(..)(?!$)/g, '$1:'));
}

/** {@link stableMac} as text. */
export function formatStableMac(...parts: readonly string[]): string {
  return formatMac(stableMac(...parts));
}

/** `wf-blue`: the bridge of a network. Fits IFNAMSIZ (15 characters) as network names have at most 12. */
export function bridgeName(network: string): string {
  return `wf-${network}`;
}

/** `wt-blue`: the TAP through which the bridge of a network reaches the dataplane. */
export function bridgeTapName(network: string): string {
  return `wt-${network}`;
}

const HOST_LINK_PREFIXES = { bridge: 'wv', tap: 'wx', macvlan: 'wm', host: 'wh' } as const;

/**
 * Host-side link of an endpoint: `wv` + 12 hex digits for a veth end, `wx` for a TAP before it moves. Those of the other kinds have no link,
 * but are known by such a name.
 */
export function hostLinkName(kind: keyof typeof HOST_LINK_PREFIXES, inode: number, ifname: string): string {
  return `${HOST_LINK_PREFIXES[kind]}${digest('link', String(inode), ifname).toString('hex').slice(0, 12)}`;
}

/** As {@link hostLinkName}, of an interface that its runtime takes into a container itself, and knows by `id`. */
export function handoverLinkName(kind: 'bridge' | 'tap', id: string): string {
  return `${kind === 'bridge' ? 'wv' : 'wx'}${digest('handover', id).toString('hex').slice(0, 12)}`;
}

/** The other end of a veth pair, as long as nobody has taken it into a container. It goes with the host's end. */
export function handoverPeerName(hostLink: string): string {
  return hostLink.replace(/^wv/, 'wc');
}

/** The ifb in the container that what comes in makes a detour by, where its rate is limited (shaping.ts). */
export function detourName(hostLink: string): string {
  return hostLink.replace(/^w./, 'wb');
}

/** Links that only {@link hostLinkName} and {@link handoverLinkName} name so. */
export const ORPHAN_LINK = /^w[vx][0-9a-f]{12}$/;
