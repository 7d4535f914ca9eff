/** What rtnetlink is told of routes: the same bytes that iproute2 sends (the test compares them). */
import { type IpAddress, ipFamily, ipToBytes, parseIp } from '../../../dataplane/address.ts';
import type { NetMessage } from '../../../dataplane/net-change.ts';
import { MessageWriter, NEW } from './message.ts';

// linux/rtnetlink.h: type of message; attributes of a route.
const RTM_NEWROUTE = 24;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
// linux/rtnetlink.h: enum rt_class_t, rtprot, rt_scope_t, and the type of a route.
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RTN_UNICAST = 1;
// bits/socket.h.
const AF_INET = 2;
const AF_INET6 = 10;

export interface DefaultRoute {
  readonly dev: string;
  /** Of the family that is routed. */
  readonly gateway: string;
  /** Of several, the lowest is taken. */
  readonly metric: number;
}

export function newDefaultRoute({ dev, gateway, metric }: DefaultRoute): NetMessage {
  const address: IpAddress = parseIp(gateway);
  // linux/rtnetlink.h: struct rtmsg { family, dst_len, src_len, tos, table, protocol, scope, type, flags }.
  return new MessageWriter(RTM_NEWROUTE, NEW)
    .u8(ipFamily(address) === 4 ? AF_INET : AF_INET6)
    .zeros(3)
    .u8(RT_TABLE_MAIN)
    .u8(RTPROT_BOOT)
    .u8(RT_SCOPE_UNIVERSE)
    .u8(RTN_UNICAST)
    .u32(0)
    .bytesAttribute(RTA_GATEWAY, ipToBytes(address))
    .u32Attribute(RTA_PRIORITY, metric)
    .ifindexAttribute(RTA_OIF, dev)
    .finish();
}
