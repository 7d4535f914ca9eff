/** From the kernel's tables to what an outer Ethernet header needs. Pure functions. */
import { type MacAddress, parseIp, parseMac, type VtepAddress } from '../../dataplane/address.ts';
import type { Link } from '../net/ip.ts';
import type { Neighbour, NetworkTables, Route } from '../net/kernel-tables.ts';

/** How a VTEP is reached. */
export interface Path {
  readonly vtep: VtepAddress;
  /** The underlay device. */
  readonly link: Link;
  /** Bytes of an IP packet that the path carries. */
  readonly mtu: number;
  /** Undefined as long as the kernel does not know the next hop's MAC address, or knows that it is wrong. */
  readonly nextHop:
    | { readonly mac: MacAddress; readonly neighbour: Neighbour; readonly isStale: boolean }
    | undefined;
}

/** NUD_VALID of linux/include/net/neighbour.h: the kernel sends to such a neighbour without asking first. */
const VALID: ReadonlySet<string> = new Set(['PERMANENT', 'NOARP', 'REACHABLE', 'PROBE', 'STALE', 'DELAY']);

/** Undefined if there is no route, or none by a link that is up. */
export function pathTo(vtep: VtepAddress, tables: NetworkTables): Path | undefined {
  const route = tables.routes.find(({ dst }) => parseIp(dst) === vtep);
  const link = tables.links.find(({ ifname }) => ifname === route?.dev);
  if (route === undefined || link === undefined || !link.flags.includes('LOWER_UP')) return undefined;
  const mtus = (route.metrics ?? []).flatMap(({ mtu }) => (mtu === undefined ? [] : [mtu]));
  const mtu = Math.min(link.mtu, ...mtus);
  return { vtep, link, mtu, nextHop: nextHopOf(route, tables.neighbours) };
}

function nextHopOf(route: Route, neighbours: readonly Neighbour[]): Path['nextHop'] {
  const address = parseIp(route.gateway ?? route.via?.host ?? route.dst);
  const neighbour = neighbours.find(({ dst, dev }) => dev === route.dev && parseIp(dst) === address);
  if (neighbour?.lladdr === undefined || !neighbour.state?.some(state => VALID.has(state))) return undefined;
  return { mac: parseMac(neighbour.lladdr), neighbour, isStale: neighbour.state.includes('STALE') };
}
