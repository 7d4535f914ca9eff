import test from 'ava';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from './frame-batch.ts';
import { pattern, tcpFrame, udpFrame, viewOf } from './testing/frames.ts';
import { recogniseSuperFrame } from './whole-super-frame.ts';

const MAX_FRAME = 1464;

interface Case {
  readonly what: string;
  readonly family?: 4 | 6;
  /** Payload bytes. @default 9000 */
  readonly length?: number;
  readonly protocol?: 'tcp' | 'udp';
  readonly flags?: number;
  readonly gsoType?: number;
  readonly headerLength?: number;
  readonly etherType?: number;
  /** GSO type and size afterwards. */
  readonly expected: readonly [number, number];
}

const AS_IT_WAS = [GSO_NONE, 0] as const;

const cases: readonly Case[] = [
  { what: 'TCP over IPv4', expected: [GSO_TCPV4, MAX_FRAME - 54] },
  { what: 'TCP over IPv6', family: 6, expected: [GSO_TCPV6, MAX_FRAME - 74] },
  { what: 'one byte more than fits', length: MAX_FRAME - 54 + 1, expected: [GSO_TCPV4, MAX_FRAME - 54] },
  { what: 'exactly what fits', length: MAX_FRAME - 54, expected: AS_IT_WAS },
  { what: 'a complete checksum', flags: 0, expected: AS_IT_WAS },
  { what: 'UDP, whose boundaries are lost', protocol: 'udp', expected: AS_IT_WAS },
  { what: 'UDP whose boundaries are known', protocol: 'udp', gsoType: GSO_UDP_L4, expected: [GSO_UDP_L4, 0] },
  { what: 'headers that are not known', headerLength: 0, expected: AS_IT_WAS },
  { what: 'headers that alone do not fit', headerLength: MAX_FRAME, expected: AS_IT_WAS },
  { what: 'no IP', etherType: 0x8100, expected: AS_IT_WAS },
];

for (const { what, family = 4, length = 9000, protocol = 'tcp', expected, ...changes } of cases) {
  test(`recogniseSuperFrame(): ${what}`, t => {
    const build = protocol === 'tcp' ? tcpFrame : udpFrame;
    const frame = build({ family, payload: pattern(length), checksum: 'partial' });
    const view = viewOf(frame);
    if (changes.etherType !== undefined) view.setUint16(12, changes.etherType);
    const transport = family === 4 ? 34 : 54;
    const batch = new FrameBatch(1);
    batch.setLength(0, frame.length);
    batch.setFlags(0, changes.flags ?? FLAG_NEEDS_CSUM);
    batch.setGsoType(0, changes.gsoType ?? GSO_NONE);
    batch.setCsumStart(0, transport);
    batch.setCsumOffset(0, protocol === 'tcp' ? 16 : 6);
    batch.setHeaderLength(0, changes.headerLength ?? transport + (protocol === 'tcp' ? 20 : 8));
    recogniseSuperFrame(view, batch, 0, MAX_FRAME);
    t.deepEqual([batch.gsoType(0), batch.gsoSize(0)], [...expected]);
  });
}
