/** Routes in the words of CNI, from an IPAM plugin and to the runtime. All functions here are pure. */
import type { Route } from '../endpoints/route.ts';
import type { CniResult } from './network-config.ts';
import { type CniVersion, hasPathDetails } from './version.ts';

/**
 * The routes that an IPAM plugin wants, as a request has them; they are not checked yet. "gw: […] If unset, a default gateway may be
 * used": that of the first address of the family that has one, as with the plugins of the CNI project.
 */
export function routesOf(ipam: CniResult | undefined): readonly unknown[] {
  return (ipam?.routes ?? []).map(({ dst, gw, mtu, advmss, priority, table, scope }) => {
    const given = ipam?.ips.find(
      ({ gateway, address }) => gateway && address.includes(':') === dst.includes(':'),
    );
    const gateway = gw || given?.gateway;
    const settings = { gateway, mtu, advmss, priority, table, scope };
    return { dst, ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value != null)) };
  });
}

export function cniRoutes(version: CniVersion, routes: readonly Route[] = []): CniResult['routes'] {
  return routes.map(({ dst, gateway, ...details }) => ({
    dst,
    ...(gateway !== undefined && { gw: gateway }),
    ...(hasPathDetails(version) && details),
  }));
}
