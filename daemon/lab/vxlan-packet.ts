/**
 * What a captured VXLAN packet is about, as tests say it. Offsets in bytes, of an outer IPv4 header without options:
 *
 *   0          14         34    42      50                  64
 *   Ethernet │ IPv4     │ UDP │ VXLAN │ Ethernet inside   │ ARP, IPv4, IPv6
 */
const OUTER_SOURCE = 14 + 12;
const OUTER_DESTINATION = 14 + 16;
const INNER = 50;
const INNER_TYPE = INNER + 12;
const PAYLOAD = INNER + 14;
const IPV4_PROTOCOL = PAYLOAD + 9;
const IPV6_NEXT_HEADER = PAYLOAD + 6;
const IPV6_PAYLOAD = PAYLOAD + 40;

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };
/** RFC 4861 section 4, RFC 3810 section 5.2; MLD stands behind a hop-by-hop header (protocol 0) and shows as `protocol 0`. */
const ICMPV6: Readonly<Record<number, string>> = {
  133: 'router solicitation',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
};

export interface VxlanPacket {
  /** Underlay addresses. */
  readonly from: string;
  readonly to: string;
  /** Destination of the frame inside. */
  readonly mac: string;
  /** arp, icmp, tcp, udp, icmpv6, neighbor solicitation, ... */
  readonly what: string;
}

export function readVxlan(packet: Buffer): VxlanPacket {
  return {
    from: packet.subarray(OUTER_SOURCE, OUTER_SOURCE + 4).join('.'),
    to: packet.subarray(OUTER_DESTINATION, OUTER_DESTINATION + 4).join('.'),
    mac: packet.toString('hex', INNER, INNER + 6).replace(/(..)(?!$)/g, '$1:'),
    what: subject(packet),
  };
}

function subject(packet: Buffer): string {
  const type = packet.readUInt16BE(INNER_TYPE);
  switch (type) {
    case 0x0806:
      return 'arp';
    case 0x0800:
      return protocol(packet.readUInt8(IPV4_PROTOCOL));
    case 0x86dd: {
      const name = protocol(packet.readUInt8(IPV6_NEXT_HEADER));
      return name === 'icmpv6' ? (ICMPV6[packet.readUInt8(IPV6_PAYLOAD)] ?? name) : name;
    }
    default:
      return `ethertype ${type.toString(16)}`;
  }
}

function protocol(number: number): string {
  return PROTOCOLS[number] ?? `protocol ${number}`;
}
