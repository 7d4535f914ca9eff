import test from 'ava';
import { addRange, fold } from '../../../dataplane/checksum.ts';
import { readProbe } from '../../../dataplane/headers/probe.ts';
import { probeDatagram } from './datagram.ts';
import { complaintOf } from './icmp.ts';

const COMMON = { sourcePort: 4788, port: 4789, token: '00112233445566778899aabbccddeeff', number: 9 };
const V4 = { ...COMMON, from: '192.0.2.1', to: '192.0.2.2' };
const V6 = { ...COMMON, from: '2001:db8::1', to: '2001:db8::2' };

function viewOf(packet: Buffer): DataView {
  return new DataView(packet.buffer, packet.byteOffset, packet.length);
}

test('a datagram has the size asked for, DF set, and all checksums right', t => {
  for (const bytes of [100, 101, 1500]) {
    const four = viewOf(probeDatagram({ ...V4, bytes }));
    t.is(four.byteLength, bytes);
    t.is(fold(addRange(0, four, 0, 20)), 0xffff, 'IPv4 header');
    t.is(four.getUint16(6), 0x4000);
    const length = bytes - 20;
    t.is(fold(addRange(addRange(17 + length, four, 12, 8), four, 20, length)), 0xffff, 'UDP');
    t.like(readProbe(four, 36, bytes - 36), { kind: 1, number: 9 });

    const six = viewOf(probeDatagram({ ...V6, bytes }));
    t.is(six.byteLength, bytes);
    t.is(six.getUint16(4), bytes - 40);
    const rest = bytes - 40;
    t.is(fold(addRange(addRange(17 + rest, six, 8, 32), six, 40, rest)), 0xffff, 'UDP over IPv6');
    t.like(readProbe(six, 56, bytes - 56), { kind: 1, number: 9 });
  }
});

/** An ICMP error as a raw socket hands it over: with its IP header for IPv4. */
function icmp4(type: number, code: number, mtu: number, quoted: Buffer): Buffer {
  const head = Buffer.alloc(28);
  head[0] = 0x45;
  head[20] = type;
  head[21] = code;
  head.writeUInt16BE(mtu, 26);
  return Buffer.concat([head, quoted.subarray(0, 28)]);
}

function icmp6(type: number, code: number, mtu: number, quoted: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = type;
  head[1] = code;
  head.writeUInt32BE(mtu, 4);
  return Buffer.concat([head, quoted.subarray(0, 60)]);
}

test('ICMP errors about a probe say who complained of what', t => {
  const [four, six] = [probeDatagram({ ...V4, bytes: 200 }), probeDatagram({ ...V6, bytes: 200 })];
  const from = '198.51.100.1';
  const table = [
    [icmp4(3, 4, 1400, four), V4.to, { from, kind: 'too-big', mtu: 1400 }],
    [icmp4(3, 3, 0, four), V4.to, { from, kind: 'port-unreachable', mtu: null }],
    [icmp4(3, 13, 0, four), V4.to, { from, kind: 'prohibited', mtu: null }],
    [icmp4(3, 1, 0, four), V4.to, { from, kind: 'unreachable', mtu: null }],
    [icmp4(11, 0, 0, four), V4.to, undefined],
    [icmp4(3, 4, 1400, four), '192.0.2.3', undefined],
    [icmp4(3, 4, 1400, four).subarray(0, 40), V4.to, undefined],
    [Buffer.alloc(0), V4.to, undefined],
    [icmp6(2, 0, 1280, six), V6.to, { from, kind: 'too-big', mtu: 1280 }],
    [icmp6(1, 4, 0, six), V6.to, { from, kind: 'port-unreachable', mtu: null }],
    [icmp6(1, 1, 0, six), V6.to, { from, kind: 'prohibited', mtu: null }],
    [icmp6(1, 0, 0, six), V6.to, { from, kind: 'unreachable', mtu: null }],
    [icmp6(128, 0, 0, six), V6.to, undefined],
  ] as const;
  for (const [message, to, expected] of table) {
    t.deepEqual(complaintOf(message, from, { to, port: 4789 }), expected as never);
  }
  t.is(complaintOf(icmp4(3, 3, 0, four), from, { to: V4.to, port: 4790 }), undefined);
});
