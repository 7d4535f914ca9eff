/** What rtnetlink is told of routes: the same bytes that iproute2 sends for `ip route add … proto static` (the test compares them). */
import { type IpAddress, ipFamily, ipToBytes, parseIp } from '../../../dataplane/address.ts';
import type { NetMessage } from '../../../dataplane/net-change.ts';
import { parseCidr } from '../../cidr.ts';
import { AF_INET, AF_INET6, MessageWriter, NEW } from './message.ts';

// linux/rtnetlink.h: type of message, attributes of a route, and those in RTA_METRICS.
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_TABLE = 15;
const RTAX_MTU = 2;
const RTAX_ADVMSS = 8;
const RTN_UNICAST = 1;
/** enum rt_protocol: "route installed by administrator", so that no routing daemon takes it for its own. */
const RTPROT_STATIC = 4;
/** "Route installed by kernel": goes with its address. */
const RTPROT_KERNEL = 2;
// enum rt_scope_t, and what iproute2 takes for IPv4 without a gateway. IPv6 has no scopes.
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
// enum rt_class_t: a table that does not fit in the eight bits of the header is an attribute.
const RT_TABLE_UNSPEC = 0;
const RT_TABLE_MAIN = 254;
const MAX_SHORT_TABLE = 255;

/** The fields are those of `routes` in a CNI result (CNI specification 1.1.0, section 5), whose `gw` is `gateway`. */
export interface RouteSettings {
  /** A CIDR without host bits; 0.0.0.0/0 and ::/0 are the default routes. */
  readonly dst: string;
  /** Address of the next hop, of the same family; without it the destination is on the link. */
  readonly gateway?: string | undefined;
  /** Bytes of an IP packet on this path. @default that of the link */
  readonly mtu?: number | undefined;
  /** Bytes of a segment that TCP announces on this path. @default by the MTU */
  readonly advmss?: number | undefined;
  /** The metric: of two routes to one destination the lower one is taken. @default the kernel's */
  readonly priority?: number | undefined;
  /** @default 254, the main table */
  readonly table?: number | undefined;
  /** As in linux/rtnetlink.h, enum rt_scope_t. @default 0, or 253 (link) for IPv4 without a gateway */
  readonly scope?: number | undefined;
  /** As the kernel itself makes it with an address: it is taken for the same route, and goes when the address goes. @default of an administrator */
  readonly ofAddress?: IpAddress | undefined;
}

/** Fails if there is a route to the destination in that table with that priority, whatever it leads to. */
export function newRoute(ifname: string, route: RouteSettings): NetMessage {
  return aboutRoute(new MessageWriter(RTM_NEWROUTE, NEW), ifname, route);
}

/** The route as {@link newRoute} has made it, and no other one. Fails if there is none. */
export function deleteRoute(ifname: string, route: RouteSettings): NetMessage {
  return aboutRoute(new MessageWriter(RTM_DELROUTE), ifname, route);
}

function aboutRoute(writer: MessageWriter, ifname: string, route: RouteSettings): NetMessage {
  const { gateway, mtu, advmss, priority, table = RT_TABLE_MAIN, ofAddress } = route;
  const { address, prefix } = parseCidr(route.dst);
  const isV4 = ipFamily(address) === 4;
  const { scope = isV4 && gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE } = route;
  // struct rtmsg { family, dst_len, src_len, tos, table, protocol, scope, type, flags }.
  const message = writer
    .u8(isV4 ? AF_INET : AF_INET6)
    .u8(prefix)
    .zeros(2)
    .u8(table > MAX_SHORT_TABLE ? RT_TABLE_UNSPEC : table)
    .u8(ofAddress === undefined ? RTPROT_STATIC : RTPROT_KERNEL)
    .u8(scope)
    .u8(RTN_UNICAST)
    .zeros(4)
    .bytesAttribute(RTA_DST, ipToBytes(address));
  if (gateway !== undefined) message.bytesAttribute(RTA_GATEWAY, ipToBytes(parseIp(gateway)));
  if (priority !== undefined) message.u32Attribute(RTA_PRIORITY, priority);
  // Those of IPv6 name no source: the kernel finds it by the prefix.
  if (ofAddress !== undefined && isV4) message.bytesAttribute(RTA_PREFSRC, ipToBytes(ofAddress));
  if (table > MAX_SHORT_TABLE) message.u32Attribute(RTA_TABLE, table);
  message.ifindexAttribute(RTA_OIF, ifname);
  if (mtu !== undefined || advmss !== undefined) {
    message.attribute(RTA_METRICS, metrics => {
      if (mtu !== undefined) metrics.u32Attribute(RTAX_MTU, mtu);
      if (advmss !== undefined) metrics.u32Attribute(RTAX_ADVMSS, advmss);
    });
  }
  return message.finish();
}
