/** How names are answered to containers: section `dns` of the configuration. */
import type { IpAddress } from '../../dataplane/address.ts';

/** A resolver of the VM, or one that the configuration names. */
export interface UpstreamServer {
  /** May have a zone, as in fe80::1%eth0. */
  readonly address: string;
  readonly port: number;
}

export interface DnsConfig {
  readonly enabled: boolean;
  /** IPv4 address of the loopback of each container: there it finds the answerer, at port 53. */
  readonly listen: IpAddress;
  /** Who is asked for all other names; auto: whom /etc/resolv.conf of the VM names. */
  readonly upstream: 'auto' | readonly UpstreamServer[];
  /** Below it are the names: NAME.NETWORK.DOMAIN. In lower case, without the final dot. */
  readonly domain: string;
  /** How long others may remember an answer, in seconds. */
  readonly ttl: number;
}

/** RFC 1035 section 4.2. */
export const DNS_PORT = 53;

/** Free in every container: Docker answers at 127.0.0.11, systemd-resolved at 127.0.0.53 and .54, NetworkManager's dnsmasq at 127.0.1.1. The port of VXLAN is 4789. */
export const DEFAULT_DNS_LISTEN = '127.0.47.89' as IpAddress;

export const DEFAULT_DNS_DOMAIN = 'weft';

/** A container that is gone is not asked for longer than this by who keeps to it; moved ones keep their addresses. */
export const DEFAULT_DNS_TTL = 5;

/** RFC 2181 section 8 has 2^31 - 1; what is longer than a day would not be noticed to be wrong. */
export const MAX_DNS_TTL = 86_400;

/** MAXNS of resolv.h: as many as other resolvers ask. */
export const MAX_UPSTREAM = 3;
