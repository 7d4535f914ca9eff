/** What rtnetlink is told of links and addresses: the same bytes that iproute2 sends (the test compares them). */
import { ipFamily, ipToBytes, parseMac } from '../../../dataplane/address.ts';
import type { NetMessage } from '../../../dataplane/net-change.ts';
import { parseCidr } from '../../cidr.ts';
import { AF_INET, AF_INET6, MessageWriter, NEW, readAttributes, readMessages, textOf } from './message.ts';

// linux/rtnetlink.h: types of messages.
const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;

// linux/if_link.h: attributes of a link.
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_GSO_MAX_SEGS = 40;
/** In IFLA_LINKINFO. */
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
/** linux/if_link.h: attribute of a link. */
const IFLA_LINK = 5;
// linux/if_link.h: in the IFLA_INFO_DATA of a macvlan, and enum macvlan_mode.
const IFLA_MACVLAN_MODE = 1;
const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4 } as const;
// linux/veth.h: in the IFLA_INFO_DATA of a veth, a struct ifinfomsg with attributes.
const VETH_INFO_PEER = 1;
/** linux/rtnetlink.h: in IFLA_EXT_MASK. */
const RTEXT_FILTER_SKIP_STATS = 1 << 3;

// linux/rtnetlink.h: struct ifinfomsg { family, pad, type, index, flags, change }.
const IFINFOMSG_SIZE = 16;
const IFINFOMSG_BEFORE_INDEX = 4;
const IFINFOMSG_FLAGS = 8;
/** linux/if.h. */
const IFF_UP = 1;

// linux/if_addr.h: attributes and a flag of an address.
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_F_NODAD = 0x02;
// linux/rtnetlink.h, enum rt_scope_t: what iproute2 takes for 127.0.0.0/8 and for all others.
const RT_SCOPE_HOST = 254;
const RT_SCOPE_UNIVERSE = 0;

export interface Veth {
  readonly name: string;
  readonly mtu: number;
  /** Its name, MAC (text) and MTU, and the namespace that it is born in. @default the same */
  readonly peer: {
    readonly name: string;
    readonly mac?: string;
    readonly mtu?: number;
    readonly netns?: string;
  };
}

export interface Macvlan {
  readonly name: string;
  /** The interface of the daemon's namespace whose wire it shares. */
  readonly parent: string;
  readonly mode: keyof typeof MACVLAN_MODES;
  readonly mac: string;
  readonly mtu: number;
  /** The namespace that it is born in. */
  readonly netns: string;
}

/** What of a link is to become different. */
export interface LinkSettings {
  readonly mac?: string;
  readonly mtu?: number;
  /** The bridge that it becomes a port of. */
  readonly master?: string;
  /** The namespace that it moves to, by the path of its file. */
  readonly netns?: string;
  readonly rename?: string;
  readonly gsoMaxSegs?: number;
  /** False takes it down. @default left as it is */
  readonly up?: boolean;
}

/** The pair at once, so that a name which is taken leaves nothing. */
export function newVeth({ name, mtu, peer }: Veth): NetMessage {
  return new MessageWriter(RTM_NEWLINK, NEW)
    .zeros(IFINFOMSG_SIZE)
    .u32Attribute(IFLA_MTU, mtu)
    .textAttribute(IFLA_IFNAME, name)
    .attribute(IFLA_LINKINFO, info =>
      // Without its zero, as iproute2.
      info.bytesAttribute(IFLA_INFO_KIND, Buffer.from('veth')).attribute(IFLA_INFO_DATA, data =>
        data.attribute(VETH_INFO_PEER, message => {
          message.zeros(IFINFOMSG_SIZE);
          if (peer.mac !== undefined) message.bytesAttribute(IFLA_ADDRESS, macBytes(peer.mac));
          if (peer.mtu !== undefined) message.u32Attribute(IFLA_MTU, peer.mtu);
          if (peer.netns !== undefined) message.netnsAttribute(IFLA_NET_NS_FD, peer.netns);
          message.textAttribute(IFLA_IFNAME, peer.name);
        }),
      ),
    )
    .finish();
}

/** Its parent is looked up here, itself is born there (rtnl_newlink of net/core/rtnetlink.c). */
export function newMacvlan({ name, parent, mode, mac, mtu, netns }: Macvlan): NetMessage {
  return new MessageWriter(RTM_NEWLINK, NEW)
    .zeros(IFINFOMSG_SIZE)
    .bytesAttribute(IFLA_ADDRESS, macBytes(mac))
    .u32Attribute(IFLA_MTU, mtu)
    .netnsAttribute(IFLA_NET_NS_FD, netns)
    .ifindexAttribute(IFLA_LINK, parent)
    .textAttribute(IFLA_IFNAME, name)
    .attribute(IFLA_LINKINFO, info =>
      info
        .bytesAttribute(IFLA_INFO_KIND, Buffer.from('macvlan'))
        .attribute(IFLA_INFO_DATA, data => data.u32Attribute(IFLA_MACVLAN_MODE, MACVLAN_MODES[mode])),
    )
    .finish();
}

/** A change is a NEWLINK without NLM_F_CREATE. */
export function setLink(name: string, settings: LinkSettings): NetMessage {
  const { mac, mtu, master, netns, rename, gsoMaxSegs, up } = settings;
  const message = new MessageWriter(RTM_NEWLINK)
    .zeros(IFINFOMSG_BEFORE_INDEX)
    .ifindex(name)
    // The flags, and which of them are meant.
    .u32(up === true ? IFF_UP : 0)
    .u32(up === undefined ? 0 : IFF_UP);
  if (mac !== undefined) message.bytesAttribute(IFLA_ADDRESS, macBytes(mac));
  if (mtu !== undefined) message.u32Attribute(IFLA_MTU, mtu);
  if (master !== undefined) message.ifindexAttribute(IFLA_MASTER, master);
  if (netns !== undefined) message.netnsAttribute(IFLA_NET_NS_FD, netns);
  if (rename !== undefined) message.textAttribute(IFLA_IFNAME, rename);
  if (gsoMaxSegs !== undefined) message.u32Attribute(IFLA_GSO_MAX_SEGS, gsoMaxSegs);
  return message.finish();
}

export function deleteLink(name: string): NetMessage {
  return aboutLink(RTM_DELLINK, name).finish();
}

export function askForLink(name: string): NetMessage {
  return aboutLink(RTM_GETLINK, name).u32Attribute(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS).finish();
}

function aboutLink(type: number, name: string): MessageWriter {
  return new MessageWriter(type).zeros(IFINFOMSG_BEFORE_INDEX).ifindex(name).u32(0).u32(0);
}

/** An IPv6 address is usable at once: duplicate address detection would hold it back for a second or more. */
export function newAddress(ifname: string, cidr: string): NetMessage {
  const { address, prefix } = parseCidr(cidr);
  const bytes = ipToBytes(address);
  const isV4 = ipFamily(address) === 4;
  const isLoopback = isV4 && bytes[0] === 127;
  // linux/if_addr.h: struct ifaddrmsg { family, prefixlen, flags, scope, index }.
  return new MessageWriter(RTM_NEWADDR, NEW)
    .u8(isV4 ? AF_INET : AF_INET6)
    .u8(prefix)
    .u8(isV4 ? 0 : IFA_F_NODAD)
    .u8(isLoopback ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE)
    .ifindex(ifname)
    .bytesAttribute(IFA_LOCAL, bytes)
    .bytesAttribute(IFA_ADDRESS, bytes)
    .finish();
}

function macBytes(mac: string): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(parseMac(mac), 0, 6);
  return bytes;
}

/** A link as the kernel tells it; only what weft reads. */
export interface LinkInfo {
  readonly ifname: string;
  /** As formatMac writes it; empty for a link without one. */
  readonly mac: string;
  /** As in `veth` and `tun`; undefined for hardware. */
  readonly kind: string | undefined;
  readonly index: number;
  readonly isUp: boolean;
  readonly mtu: number;
  /** Index of the bridge that it is a port of; 0: none. */
  readonly master: number;
}

/** The link in the answer to {@link askForLink}; undefined if there is none. */
export function readLinkInfo(answer: Buffer): LinkInfo | undefined {
  for (const { type, body } of readMessages(answer)) {
    if (type !== RTM_NEWLINK) continue;
    const attributes = readAttributes(body.subarray(IFINFOMSG_SIZE));
    const info = readAttributes(attributes.get(IFLA_LINKINFO) ?? Buffer.alloc(0));
    return {
      ifname: textOf(attributes.get(IFLA_IFNAME)) ?? '',
      mac: (attributes.get(IFLA_ADDRESS)?.toString('hex') ?? '').replace(/(..)(?!$)/g, '$1:'),
      kind: textOf(info.get(IFLA_INFO_KIND)),
      index: u32Of(body.subarray(IFINFOMSG_BEFORE_INDEX)),
      isUp: (u32Of(body.subarray(IFINFOMSG_FLAGS)) & IFF_UP) !== 0,
      mtu: u32Of(attributes.get(IFLA_MTU)),
      master: u32Of(attributes.get(IFLA_MASTER)),
    };
  }
  return undefined;
}

function u32Of(bytes: Buffer | undefined): number {
  return bytes !== undefined && bytes.length >= 4 ? bytes.readUInt32LE(0) : 0;
}
