/** A route that a container gets with its interface: what the interface leads to beside its own subnets. */
import * as z from 'zod';
import { parseIp } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import { nonUnicast, parsePrefix } from '../cidr.ts';
import { numberLeaf, textLeaf } from '../leaf.ts';
import type { RouteSettings } from '../net/rtnetlink/route-messages.ts';

export type Route = RouteSettings;

const UINT32_MAX = 0xffff_ffff;

const gateway = textLeaf((text): string => {
  const address = parseIp(text);
  // A link-local gateway is the usual one of IPv6 (RFC 4861 section 4.2), and the interface is known here.
  const reason = /^fe[89ab]/.test(address) ? undefined : nonUnicast(address);
  if (reason === undefined) return address;
  throw new WeftError('invalid_argument', `"${text}" is no gateway: it is ${reason}`, {
    hint: 'give the address of a router',
  });
});

/** Of a request, and of an endpoint on disk. Messages are those of leaf.ts. */
export const routeSchema = z
  .strictObject({
    dst: textLeaf(parsePrefix),
    gateway: gateway.optional(),
    // RFC 791: every host takes 68 bytes. The total length of a packet has 16 bits.
    mtu: numberLeaf('the MTU of a route', 68, 65_535).optional(),
    advmss: numberLeaf('a segment size', 1, 65_535).optional(),
    priority: numberLeaf('the priority of a route', 0, UINT32_MAX).optional(),
    table: numberLeaf('a routing table', 1, UINT32_MAX).optional(),
    scope: numberLeaf('the scope of a route', 0, 255).optional(),
  })
  .superRefine(({ dst, gateway: via }, context) => {
    if (via === undefined || familyOf({ dst: via }) === familyOf({ dst })) return;
    const message = `${dst} and its gateway ${via} are of different families; give both of IPv4 or of IPv6`;
    context.addIssue({ code: 'custom', message });
  });

export function familyOf({ dst }: Pick<Route, 'dst'>): 4 | 6 {
  return dst.includes(':') ? 6 : 4;
}

/** Canonical text of a list of routes, to compare lists by. */
export function routesKey(routes: readonly Route[] = []): string {
  return JSON.stringify(
    routes.map(({ dst, gateway: via, mtu, advmss, priority, table, scope }) => [
      dst,
      via,
      mtu,
      advmss,
      priority,
      table,
      scope,
    ]),
  );
}
