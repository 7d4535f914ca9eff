/** The answer to ADD: what was made, joined to what plugins before us in the chain have made. All functions here are pure. */

import type { ResolverSettings } from '../dns/resolvers.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { cniRoutes } from './cni-routes.ts';
import type { CniDns, CniResult } from './network-config.ts';
import { type CniVersion, hasFamilies, hasPathDetails } from './version.ts';

/** `before`: of the chain. `ipam`: of the IPAM plugin, whose gateways and DNS are passed on. */
export interface ResultParts {
  readonly version: CniVersion;
  readonly endpoint: Endpoint;
  /** CNI_NETNS. */
  readonly netns: string;
  readonly before: CniResult | undefined;
  readonly ipam: CniResult | undefined;
  /** Where the container can ask for names. */
  readonly dns: ResolverSettings | undefined;
}

export function cniResult({
  version,
  endpoint,
  netns,
  before,
  ipam,
  dns,
}: ResultParts): Record<string, unknown> {
  const { attach, hostLink, ifname, mac, mtu, addresses, gateways = [] } = endpoint;
  const size = hasPathDetails(version) ? { mtu } : {};
  const interfaces = [
    ...(before?.interfaces ?? []),
    // The host's end of the pair, as the bridge plugin has it. A TAP has none.
    ...(attach === 'bridge' ? [{ name: hostLink, mac: '', ...size }] : []),
    { name: ifname, mac, sandbox: netns, ...size },
  ];
  const ips = addresses.map(address => {
    const own = gateways.find(candidate => candidate.includes(':') === address.includes(':'));
    const gateway = ipam?.ips.find(given => given.address === address)?.gateway ?? own;
    return {
      ...(hasFamilies(version) && { version: address.includes(':') ? '6' : '4' }),
      address,
      ...(gateway && { gateway }),
      interface: interfaces.length - 1,
    };
  });
  return {
    cniVersion: version,
    interfaces,
    ips: [...(before?.ips ?? []), ...ips],
    routes: [
      ...(before?.routes ?? []),
      ...gateways.map(gw => ({ dst: gw.includes(':') ? '::/0' : '0.0.0.0/0', gw })),
      ...cniRoutes(version, endpoint.routes),
    ],
    dns: withResolver({ ...before?.dns, ...ipam?.dns }, dns),
  };
}

/** Whoever names servers of his own wants those asked, and they know nothing of our names. */
function withResolver(given: CniDns, dns: ResolverSettings | undefined): CniDns {
  const { nameservers, search } = given;
  if (dns === undefined || (nameservers ?? []).length > 0) return given;
  return { ...given, nameservers: [...dns.nameservers], search: [...dns.search, ...(search ?? [])] };
}
