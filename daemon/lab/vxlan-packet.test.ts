import test from 'ava';
import { readVxlan } from './vxlan-packet.ts';

/** Ethernet, IPv4, UDP, the VXLAN header of VNI 42, and the addresses of the frame inside. */
const BEFORE = [
  '020000000002',
  '020000000001',
  '0800',
  '450000720000400040110000c0000201c0000202',
  'c00112b5005e0000',
  '0800000000002a00',
  '02005e100007',
  '02005e100001',
].join('');
const ipv4 = (protocol: string) => `0800450000540000400040${protocol}0000c6120001c6120007`;
const ipv6 = (nextHeader: string, type: string) =>
  `86dd600000000020${nextHeader}ff${'00'.repeat(32)}${type}00`;

for (const [what, inside] of [
  ['arp', '08060001080006040001'],
  ['icmp', ipv4('01')],
  ['tcp', ipv4('06')],
  ['udp', ipv4('11')],
  ['protocol 47', ipv4('2f')],
  ['icmpv6', ipv6('3a', '80')],
  ['neighbor solicitation', ipv6('3a', '87')],
  ['neighbor advertisement', ipv6('3a', '88')],
  ['protocol 0', ipv6('00', '3a')],
  ['ethertype 88cc', '88cc0207'],
] as const) {
  test(`readVxlan: ${what}`, t => {
    const packet = Buffer.from(BEFORE + inside, 'hex');
    t.deepEqual(readVxlan(packet), { from: '192.0.2.1', to: '192.0.2.2', mac: '02:00:5e:10:00:07', what });
  });
}
