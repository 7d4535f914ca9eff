import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseVni } from '../address.ts';
import {
  arpFrame,
  type Bytes,
  ethernetFrame,
  icmpEchoFrame,
  neighborAdvertisementFrame,
  neighborSolicitationFrame,
  pattern,
  tcpFrame,
  udpFrame,
  viewOf,
  vxlanFrame,
} from './frames.ts';

const VNI = parseVni(42);

const FRAMES: readonly { readonly frame: Bytes; readonly protocols: string }[] = [
  { frame: arpFrame(1), protocols: 'eth:ethertype:arp' },
  { frame: arpFrame(2), protocols: 'eth:ethertype:arp' },
  { frame: udpFrame({ payload: pattern(9) }), protocols: 'eth:ethertype:ip:udp:data' },
  { frame: udpFrame({ family: 6, payload: pattern(9) }), protocols: 'eth:ethertype:ipv6:udp:data' },
  {
    frame: tcpFrame({ payload: pattern(1001), destinationPort: 40_002 }),
    protocols: 'eth:ethertype:ip:tcp:data',
  },
  { frame: tcpFrame({ family: 6, destinationPort: 40_002 }), protocols: 'eth:ethertype:ipv6:tcp:data' },
  { frame: icmpEchoFrame('request'), protocols: 'eth:ethertype:ip:icmp:data' },
  { frame: icmpEchoFrame('reply', { family: 6 }), protocols: 'eth:ethertype:ipv6:icmpv6:data' },
  { frame: neighborSolicitationFrame(), protocols: 'eth:ethertype:ipv6:icmpv6' },
  { frame: neighborAdvertisementFrame(), protocols: 'eth:ethertype:ipv6:icmpv6' },
  { frame: udpFrame({ tags: [{ id: 7 }] }), protocols: 'eth:ethertype:vlan:ethertype:ip:udp:data' },
  {
    frame: udpFrame({ tags: [{ id: 7, etherType: 0x88a8 }, { id: 8 }] }),
    protocols: 'eth:ethertype:ieee8021ad:ethertype:vlan:ethertype:ip:udp:data',
  },
  {
    frame: udpFrame({ family: 6, extensions: [{ type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) }] }),
    protocols: 'eth:ethertype:ipv6:ipv6.dstopts:udp:data',
  },
  {
    frame: vxlanFrame(VNI, icmpEchoFrame('request')),
    protocols: 'eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:icmp:data',
  },
  {
    frame: vxlanFrame(VNI, udpFrame({ family: 6 }), { family: 6 }),
    protocols: 'eth:ethertype:ipv6:udp:vxlan:eth:ethertype:ipv6:udp:data',
  },
];

/** A capture file of Ethernet frames (draft-ietf-opsawg-pcap). */
function pcap(frames: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap(frame => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([header, ...records]);
}

const FIELDS = ['frame.protocols', '_ws.malformed', '_ws.expert.message'];
const CHECKSUMS = [
  'ip.checksum.status',
  'udp.checksum.status',
  'tcp.checksum.status',
  'icmp.checksum.status',
];

/** What tshark says of each frame: one row of FIELDS and CHECKSUMS, every checksum verified. */
function dissect(frames: readonly Uint8Array[]): string[][] {
  const verify = ['ip', 'udp', 'tcp'].flatMap(name => ['-o', `${name}.check_checksum:TRUE`]);
  const fields = [...FIELDS, ...CHECKSUMS, 'icmpv6.checksum.status'].flatMap(field => ['-e', field]);
  // A file, for tshark does not read a capture from the socket that Node gives a child as its input.
  const directory = mkdtempSync(join(tmpdir(), 'weft-frames-'));
  const file = join(directory, 'frames.pcap');
  writeFileSync(file, pcap(frames));
  const result = spawnSync('tshark', ['-r', file, '-T', 'fields', ...verify, ...fields]);
  rmSync(directory, { recursive: true });
  if (result.status !== 0) throw new Error(`tshark: ${result.error?.message ?? result.stderr.toString()}`);
  return result.stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'));
}

/** Wireshark's PROTO_CHECKSUM_E_GOOD; nested headers are listed with commas. */
const GOOD = /^(1(,1)*)?$/;

test('frame builders: tshark dissects every frame, finds nothing wrong and every checksum good', t => {
  const rows = dissect(FRAMES.map(({ frame }) => frame));
  t.is(rows.length, FRAMES.length);
  rows.forEach(([protocols, malformed, expert, ...checksums], i) => {
    t.is(protocols, FRAMES[i]?.protocols);
    t.is(malformed, '', `${protocols}`);
    // The sequence analysis of a single TCP segment is not about its bytes.
    t.true(
      expert === '' || protocols?.includes(':tcp') || protocols?.includes(':icmp'),
      `${protocols}: ${expert}`,
    );
    t.true(
      checksums.every(status => GOOD.test(status)),
      `${protocols}: ${checksums}`,
    );
    if (!protocols?.includes(':arp')) t.true(checksums.some(status => status !== ''));
  });
});

test('frame builders: tshark finds a damaged checksum', t => {
  const frame = udpFrame();
  frame[frame.length - 1] = 0;
  t.is(dissect([frame])[0]?.[FIELDS.length + 1], '0');
});

test('frame builders: each frame stands on a buffer of its own of exactly its size', t => {
  for (const { frame } of FRAMES) {
    t.is(frame.byteOffset, 0);
    t.is(frame.buffer.byteLength, frame.length);
    t.throws(() => viewOf(frame).getUint8(frame.length), { instanceOf: RangeError });
  }
});

test('udpFrame() with a partial checksum holds the folded sum of the pseudo header', t => {
  // 198.18.0.1, 198.18.0.2, protocol 17, length 8 + 4.
  const expected = 0xc612 + 0x0001 + 0xc612 + 0x0002 + 17 + 12;
  const frame = udpFrame({ payload: pattern(4), checksum: 'partial' });
  t.is(viewOf(frame).getUint16(40), (expected & 0xffff) + (expected >>> 16));
});

test('ethernetFrame() joins header and payload', t => {
  const frame = ethernetFrame(0x88b5, Uint8Array.of(1, 2));
  t.is(Buffer.from(frame).toString('hex'), '02005e10000202005e10000188b50102');
});
