/** A container interface that weft made, as it is remembered across restarts. */
import * as z from 'zod';
import { type IpAddress, parseIp } from '../../dataplane/address.ts';
import { hostPart } from '../cidr.ts';
import { NETWORK_MODES } from '../config/config.ts';
import { bandwidthSchema } from './bandwidth.ts';
import { portMappingSchema } from './port-mapping.ts';
import { routeSchema } from './route.ts';

export const ATTACH_KINDS = ['bridge', 'tap', 'macvlan', 'host'] as const;
export type AttachKind = (typeof ATTACH_KINDS)[number];

/** The record on disk. Additions must be optional: the file outlives the version that wrote it. */
export const endpointSchema = z.object({
  network: z.string(),
  vni: z.number().int(),
  attach: z.enum(ATTACH_KINDS),
  /** Of its network. @default overlay */
  mode: z.enum(NETWORK_MODES).optional(),
  netns: z.object({ name: z.string(), path: z.string(), inode: z.number() }),
  ifname: z.string(),
  mac: z.string(),
  addresses: z.array(z.string()),
  mtu: z.number().int(),
  /** That it was given with its interface. */
  routes: z.array(routeSchema).optional(),
  /** Routers of its default routes, and how these rank beside those of other interfaces of the container. */
  gateways: z.array(z.string()).optional(),
  routeMetric: z.number().int().optional(),
  /** A later plugin of its runtime has taken routes away at once: they are not put back (daemon/drift). */
  routesLeft: z.boolean().optional(),
  /** Rates that it keeps to. */
  bandwidth: bandwidthSchema.optional(),
  /** Ports of the VM that lead to it. */
  ports: z.array(portMappingSchema).optional(),
  /** What a container runtime knows it by; without it, it was attached by hand. */
  container: z
    .object({
      /** `cni` or `docker`. */
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
  /**
   * The runtime itself moves the interface into the container, renames and addresses it (handover.ts): what it is called until then, in the
   * namespace of the VM. The namespace of the container has inode 0 while it is there, and `ifname` is this name.
   */
  handover: z.string().optional(),
  /** Who holds its addresses, where a runtime has taken them before and gives them back itself; without it, `hostLink` does. */
  leases: z.array(z.string()).optional(),
  /** How often its MAC has moved (RFC 7432 section 7.7), so that a restarted node does not count less than before. */
  mobility: z.number().int().min(0).optional(),
  /**
   * bridge: the host's end of the veth pair. tap: the name under which the TAP was born. Else a name that no link has. Unique on this VM.
   */
  hostLink: z.string(),
  /** Written before its links are made and cleared once they work: what is still pending at a start is taken back. */
  pending: z.boolean().default(false),
});

export type Endpoint = z.infer<typeof endpointSchema>;

/** Its addresses without their prefix lengths. */
export function ipsOf({ addresses }: Pick<Endpoint, 'addresses'>): IpAddress[] {
  return addresses.map(cidr => parseIp(hostPart(cidr)));
}

/** Whether it is in the overlay: known to the dataplane, and told to other nodes. */
export function isOverlay({ mode }: Pick<Endpoint, 'mode'>): boolean {
  return (mode ?? 'overlay') === 'overlay';
}

/** Where its interface is now; undefined: in the namespace of the VM, for no runtime has taken it yet. */
export function netnsPathOf({ netns }: Pick<Endpoint, 'netns'>): string | undefined {
  return netns.inode === 0 ? undefined : netns.path;
}

/** Under which names its addresses are held, if its network gives them. */
export function addressOwnersOf({
  hostLink,
  leases,
}: Pick<Endpoint, 'hostLink' | 'leases'>): readonly string[] {
  return leases ?? [hostLink];
}

/** Two requests mean one endpoint when they name the same interface of the same namespace. Many containers have the namespace of the VM. */
export function isSameInterface(
  one: Pick<Endpoint, 'attach' | 'hostLink' | 'ifname' | 'netns'>,
  other: Pick<Endpoint, 'attach' | 'hostLink' | 'ifname' | 'netns'>,
): boolean {
  if (one.attach === 'host' || other.attach === 'host') return one.hostLink === other.hostLink;
  return one.netns.inode === other.netns.inode && one.ifname === other.ifname;
}
