/** A container interface that weft made, as it is remembered across restarts. */
import { z } from 'zod';
import { type IpAddress, parseIp } from '../../dataplane/address.ts';
import { routeSchema } from './route.ts';

/** The record on disk. Additions must be optional: the file outlives the version that wrote it. */
export const endpointSchema = z.object({
  network: z.string(),
  vni: z.number().int(),
  attach: z.enum(['bridge', 'tap']),
  netns: z.object({ name: z.string(), path: z.string(), inode: z.number() }),
  ifname: z.string(),
  mac: z.string(),
  addresses: z.array(z.string()),
  mtu: z.number().int(),
  /** That it was given with its interface. */
  routes: z.array(routeSchema).optional(),
  /** What a container runtime knows it by; without it, it was attached by hand. */
  container: z
    .object({
      /** `cni`. */
      runtime: z.string(),
      id: z.string(),
      /** What the runtime calls the network. */
      network: z.string(),
    })
    .optional(),
  /** Under which it is found in DNS. */
  names: z.array(z.string()).optional(),
  /** False: no names are answered inside its namespace. */
  resolver: z.boolean().optional(),
  /** Its addresses are given by the network, and go back to it. */
  managed: z.boolean().optional(),
  /** How often its MAC has moved (RFC 7432 section 7.7), so that a restarted node does not count less than before. */
  mobility: z.number().int().min(0).optional(),
  /** bridge: the host's end of the veth pair. tap: the name under which the TAP was born. Unique on this VM. */
  hostLink: z.string(),
  /** Written before its links are made and cleared once they work: what is still pending at a start is taken back. */
  pending: z.boolean().default(false),
});

export type Endpoint = z.infer<typeof endpointSchema>;

/** Its addresses without their prefix lengths. */
export function ipsOf({ addresses }: Pick<Endpoint, 'addresses'>): IpAddress[] {
  return addresses.map(cidr => parseIp(cidr.replace(/\/.*/, '')));
}

/** Two requests mean one endpoint when they name the same interface of the same namespace. */
export function isSameInterface(
  endpoint: Endpoint,
  other: { readonly inode: number; readonly ifname: string },
): boolean {
  return endpoint.netns.inode === other.inode && endpoint.ifname === other.ifname;
}
