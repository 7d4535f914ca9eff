/** ARP (RFC 826) and ND (RFC 4861) that a container sends to a group, where the target is claimed by another VM. */
import { BROADCAST_MAC, parseIp } from '../address.ts';
import { arpFrame, concat, neighborSolicitationFrame, STATION_A, STATION_B } from '../testing/frames.ts';
import { arpAnnouncement, arpProbe, ndAnnouncement, ndChecked, ndProbe } from '../testing/neighbor-frames.ts';
import { addressed, edited, OUTWARD } from './row.ts';

/** What a container sends. */
export interface NeighborRow {
  readonly family: 'ARP' | 'ND';
  readonly name: string;
  readonly frame: Uint8Array<ArrayBuffer>;
  /** Answered to the container, sent on the underlay byte for byte, or dropped and counted. */
  readonly verdict: 'answered' | 'sent' | 'arp_malformed' | 'nd_malformed';
}

const row =
  (family: NeighborRow['family']) =>
  (name: string, frame: Uint8Array, verdict: NeighborRow['verdict']): NeighborRow => ({
    family,
    name,
    frame: concat(frame),
    verdict,
  });
const arp = row('ARP');
const nd = row('ND');

const REQUEST = arpFrame(1, OUTWARD);
const ARP = 14;

export const ARP_ASKED: readonly NeighborRow[] = [
  arp('a request', REQUEST, 'answered'),
  arp('a request padded to 60 bytes', concat(REQUEST, new Uint8Array(18)), 'answered'),
  arp('a probe', arpProbe(STATION_A, STATION_B), 'answered'),
  arp('an announcement', arpAnnouncement(STATION_A), 'sent'),
  arp('a broadcast reply', addressed(arpFrame(2, OUTWARD), BROADCAST_MAC), 'sent'),
  arp('27 bytes', REQUEST.subarray(0, 41), 'arp_malformed'),
  arp('nothing behind the Ethernet header', REQUEST.subarray(0, 14), 'arp_malformed'),
  ...[0, 6, 0xffff].map(type =>
    arp(`hardware type ${type}`, edited(REQUEST, [ARP, type >> 8, type & 0xff]), 'arp_malformed'),
  ),
  arp('protocol type IPv6', edited(REQUEST, [ARP + 2, 0x86, 0xdd]), 'arp_malformed'),
  ...[0, 5, 7, 255].map(size =>
    arp(`hardware length ${size}`, edited(REQUEST, [ARP + 4, size]), 'arp_malformed'),
  ),
  ...[0, 5, 16, 255].map(size =>
    arp(`protocol length ${size}`, edited(REQUEST, [ARP + 5, size]), 'arp_malformed'),
  ),
  ...[0, 3, 8, 0xffff].map(op =>
    arp(`operation ${op}`, edited(REQUEST, [ARP + 6, op >> 8, op & 0xff]), 'arp_malformed'),
  ),
  arp('a sender that is the target too', edited(REQUEST, [ARP + 14, 198, 18, 0, 2]), 'sent'),
  arp('a sender that is not the source of the frame', edited(REQUEST, [ARP + 8, 2, 0, 0, 0, 0, 9]), 'sent'),
  arp('a sender MAC of a group', edited(REQUEST, [ARP + 8, 1]), 'arp_malformed'),
  arp('a sender MAC of zeroes', edited(REQUEST, [ARP + 8, 0, 0, 0, 0, 0, 0]), 'arp_malformed'),
  arp('a target that nobody claims', edited(REQUEST, [ARP + 24, 198, 18, 9, 9]), 'sent'),
  arp('target 255.255.255.255', edited(REQUEST, [ARP + 24, 255, 255, 255, 255]), 'sent'),
  arp('sender 255.255.255.255', edited(REQUEST, [ARP + 14, 255, 255, 255, 255]), 'answered'),
];

const NS = neighborSolicitationFrame(OUTWARD);
const IP = 14;
const ICMP = IP + 40;
const OPTION = ICMP + 24;
const checked = (...edits: readonly (readonly number[])[]) => ndChecked(concat(edited(NS, ...edits)));

export const ND_ASKED: readonly NeighborRow[] = [
  nd('a solicitation', NS, 'answered'),
  nd('a solicitation with bytes behind the packet', concat(NS, new Uint8Array(9)), 'answered'),
  nd('a probe', ndProbe(STATION_A, STATION_B), 'answered'),
  nd('an unsolicited advertisement', ndAnnouncement(STATION_A), 'sent'),
  nd('an option of another type', checked([OPTION, 200]), 'answered'),
  ...[0, 1, 64, 254].map(hops => nd(`hop limit ${hops}`, edited(NS, [IP + 7, hops]), 'nd_malformed')),
  nd('code 1', checked([ICMP + 1, 1]), 'nd_malformed'),
  nd('a wrong checksum', edited(NS, [ICMP + 2, 0x12, 0x34]), 'nd_malformed'),
  nd('checksum 0', edited(NS, [ICMP + 2, 0, 0]), 'nd_malformed'),
  nd('23 bytes of message', NS.subarray(0, OPTION - 1), 'nd_malformed'),
  nd('a payload length of 23', edited(NS, [IP + 4, 0, 23]), 'nd_malformed'),
  nd('a payload length of 0', edited(NS, [IP + 4, 0, 0]), 'sent'),
  nd('IP version 5', edited(NS, [IP, 0x50]), 'nd_malformed'),
  nd('an option of length 0', checked([OPTION + 1, 0]), 'nd_malformed'),
  nd('an option past the end', checked([OPTION + 1, 2]), 'nd_malformed'),
  nd('an option of 2,040 bytes', checked([OPTION + 1, 255]), 'nd_malformed'),
  nd('a multicast target', checked([ICMP + 8, 0xff]), 'nd_malformed'),
  nd('a target that nobody claims', checked([ICMP + 23, 99]), 'sent'),
  nd(
    'a probe that gives a link-layer address',
    neighborSolicitationFrame({ from: { ...STATION_A, ipv6: parseIp('::') }, to: STATION_B }),
    'nd_malformed',
  ),
  nd('a sender that is not the source of the frame', checked([OPTION + 2, 2, 0, 0, 0, 0, 9]), 'sent'),
  nd(
    'an advertisement that says it was solicited',
    ndChecked(concat(edited(ndAnnouncement(STATION_A), [ICMP + 4, 0x60]))),
    'nd_malformed',
  ),
  nd('a router solicitation', checked([ICMP, 133]), 'sent'),
  nd('a router advertisement', checked([ICMP, 134]), 'sent'),
  nd('a redirect', checked([ICMP, 137]), 'sent'),
  nd('MLDv2', checked([ICMP, 143]), 'sent'),
  nd('next header UDP', edited(NS, [IP + 6, 17]), 'sent'),
];
