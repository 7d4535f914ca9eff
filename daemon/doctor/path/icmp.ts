/** ICMP errors about probes of ours (RFC 792, RFC 1191; RFC 4443). */
import { ipFromBytes } from '../../../dataplane/address.ts';
import { PROTOCOL_UDP } from '../../../dataplane/headers/ipv4.ts';
import type { Complaint } from './path-facts.ts';

/** What a raw socket of ICMP hands over: with its IP header for IPv4, without for IPv6 (raw(7), ipv6(7)). undefined: about something else. */
export function complaintOf(
  message: Buffer,
  from: string,
  probe: { readonly to: string; readonly port: number },
): Complaint | undefined {
  const isV6 = probe.to.includes(':');
  const icmp = isV6 ? message : message.subarray(((message[0] ?? 0) & 0x0f) * 4);
  if (icmp.length < 8) return undefined;
  // What follows the eight bytes of the error is the packet that caused it.
  if (!isAbout(icmp.subarray(8), isV6, probe)) return undefined;
  const kind = isV6 ? kindOf6(icmp) : kindOf4(icmp);
  if (kind === undefined) return undefined;
  const mtu = kind === 'too-big' ? (isV6 ? icmp.readUInt32BE(4) : icmp.readUInt16BE(6)) : 0;
  return { from: from.replace(/%.*/, ''), kind, mtu: mtu === 0 ? null : mtu };
}

/** RFC 792, destination unreachable: codes of RFC 1191 section 4 and RFC 1812 section 5.2.7.1. */
function kindOf4(icmp: Buffer): Complaint['kind'] | undefined {
  if (icmp[0] !== 3) return undefined;
  const code = icmp[1] ?? 0;
  if (code === 3) return 'port-unreachable';
  if (code === 4) return 'too-big';
  return code === 9 || code === 10 || code === 13 ? 'prohibited' : 'unreachable';
}

/** RFC 4443 sections 3.1 and 3.2. */
function kindOf6(icmp: Buffer): Complaint['kind'] | undefined {
  if (icmp[0] === 2) return 'too-big';
  if (icmp[0] !== 1) return undefined;
  const code = icmp[1] ?? 0;
  if (code === 4) return 'port-unreachable';
  return code === 1 || code === 5 || code === 6 ? 'prohibited' : 'unreachable';
}

/** Whether the quoted packet is a UDP datagram to that address and port. */
function isAbout(
  packet: Buffer,
  isV6: boolean,
  { to, port }: { readonly to: string; readonly port: number },
): boolean {
  const udp = isV6 ? 40 : ((packet[0] ?? 0) & 0x0f) * 4;
  if (packet.length < udp + 4 || udp < 20) return false;
  const destination = isV6 ? packet.subarray(24, 40) : packet.subarray(16, 20);
  const protocol = packet[isV6 ? 6 : 9];
  return (
    protocol === PROTOCOL_UDP && ipFromBytes(destination) === to && packet.readUInt16BE(udp + 2) === port
  );
}
