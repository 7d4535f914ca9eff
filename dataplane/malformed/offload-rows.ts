/**
 * What a vnet header can say of a frame that is not so (struct virtio_net_hdr of linux/virtio_net.h). Read from a TAP such
 * a frame is one of `rxBadGeometry`; written to one it is refused with EINVAL, which is `bad_geometry`: Linux 6.18 would
 * accept many of them.
 */
import { GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../frame-batch.ts';
import { concat, ethernetFrame, pattern } from '../testing/frames.ts';
import { referenceSegments, type SuperFrame } from '../testing/reference-segments.ts';
import { superFrame } from '../testing/super-frames.ts';
import { edited, OUTWARD } from './row.ts';

/** The fields of a vnet header, and of a descriptor. */
export interface Offload {
  readonly flags: number;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
  /** Read from a TAP it is not looked at. @default 0 */
  readonly headerLength?: number;
}

export interface OffloadRow {
  readonly name: string;
  readonly frame: Uint8Array;
  readonly offload: Offload;
  /** The frames that leave for the underlay; undefined: it is refused. */
  readonly sent: readonly Uint8Array[] | undefined;
  /** What only a reader can meet, for a descriptor cannot say it. */
  readonly readOnly?: true;
}

const TCP4 = superFrame({ ...OUTWARD, protocol: 'tcp', payload: pattern(100), gsoSize: 40 });
const TCP6 = superFrame({ ...OUTWARD, family: 6, protocol: 'tcp', payload: pattern(100), gsoSize: 40 });
const UDP4 = superFrame({ ...OUTWARD, protocol: 'udp', payload: pattern(100), gsoSize: 40 });
const UDP6 = superFrame({ ...OUTWARD, family: 6, protocol: 'udp', payload: pattern(100), gsoSize: 40 });

function honest(frame: SuperFrame): Offload {
  const csumOffset = frame.gsoType === GSO_UDP_L4 ? 6 : 16;
  return { flags: 1, gsoType: frame.gsoType, gsoSize: frame.gsoSize, csumStart: frame.csumStart, csumOffset };
}

function good(
  name: string,
  frame: SuperFrame,
  changes: Partial<Offload> = {},
  sent = referenceSegments(frame),
): OffloadRow {
  return { name, frame: frame.bytes, offload: { ...honest(frame), ...changes }, sent };
}

function bad(name: string, frame: SuperFrame, changes: Partial<Offload>, bytes = frame.bytes): OffloadRow {
  return { name, frame: bytes, offload: { ...honest(frame), ...changes }, sent: undefined };
}

const OPTIONS = { type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) };

/** Only a checksum is asked for. */
const SUM_ONLY = { gsoType: 0, gsoSize: 0 };
const other = (options: Parameters<typeof superFrame>[0]) => superFrame({ ...OUTWARD, ...options });
const whole = (frame: SuperFrame) => referenceSegments({ ...frame, gsoSize: 60_000 });
const IP = 14;
const TCP = 34;

/** A tail that makes the total length wrap: 70,040 bytes of IP that say 4,504. */
const WRAPPED = concat(
  edited(TCP4.bytes, [IP + 2, 0x11, 0x98]),
  new Uint8Array(70_040 - (TCP4.bytes.length - IP)),
);

export const OFFLOAD_ROWS: readonly OffloadRow[] = [
  good('TCPV4', TCP4),
  good('TCPV6', TCP6),
  good('UDP_L4 over IPv4', UDP4),
  good('UDP_L4 over IPv6', UDP6),
  good('hdr_len of the whole first packet, as on the forward path', TCP4, { headerLength: 1500 }),
  good('hdr_len 65,535', TCP4, { headerLength: 65_535 }),
  good('TCPV4 with ECN', TCP4, { gsoType: GSO_TCPV4 | GSO_ECN }),
  good('NEEDS_CSUM without GSO', TCP4, SUM_ONLY, whole(TCP4)),
  good('UDP, NEEDS_CSUM without GSO', UDP6, SUM_ONLY, whole(UDP6)),
  good('nothing asked for', TCP4, { flags: 0, ...SUM_ONLY, csumStart: 0, csumOffset: 0 }, [
    TCP4.bytes as never,
  ]),
  {
    ...good('DATA_VALID, which is trusted from a TAP', TCP4, { flags: 2, ...SUM_ONLY }, [
      TCP4.bytes as never,
    ]),
    readOnly: true,
  },
  good('a segment size of 8', other({ protocol: 'tcp', payload: pattern(100), gsoSize: 8 })),
  good('an exact multiple: an equal tail', other({ protocol: 'tcp', payload: pattern(120), gsoSize: 40 })),
  good('one byte more: a tail of one', other({ protocol: 'tcp', payload: pattern(121), gsoSize: 40 })),
  good('an odd segment size', other({ protocol: 'udp', payload: pattern(101), gsoSize: 33 })),
  good('a segment size beyond the payload', other({ protocol: 'tcp', payload: pattern(100), gsoSize: 9000 })),
  good(
    'a sequence number that wraps',
    other({ protocol: 'tcp', payload: pattern(100), gsoSize: 40, sequence: 0xffff_ffd8 }),
  ),
  good(
    'an identification that wraps',
    other({ protocol: 'udp', payload: pattern(100), gsoSize: 40, identification: 0xffff }),
  ),
  good(
    'an identification that wraps, without DF',
    other({ protocol: 'tcp', payload: pattern(100), gsoSize: 40, identification: 0xffff, flagsFragment: 0 }),
  ),
  good('SYN, FIN, PSH and CWR', other({ protocol: 'tcp', payload: pattern(100), gsoSize: 40, flags: 0x9b })),
  good('128 segments of UDP', other({ protocol: 'udp', payload: pattern(128), gsoSize: 1 })),
  good(
    'NEEDS_CSUM behind IPv6 options',
    other({ family: 6, protocol: 'udp', extensions: [OPTIONS], payload: pattern(100), gsoSize: 40 }),
    SUM_ONLY,
    whole(other({ family: 6, protocol: 'udp', extensions: [OPTIONS], payload: pattern(100), gsoSize: 40 })),
  ),
  good(
    'TCPV6 behind IPv6 options',
    other({ family: 6, protocol: 'tcp', extensions: [OPTIONS], payload: pattern(100), gsoSize: 40 }),
  ),
  bad('129 segments of UDP', other({ protocol: 'udp', payload: pattern(129), gsoSize: 1 }), {}),

  bad('RSC_INFO', TCP4, { flags: 5 }),
  bad('all flags', TCP4, { flags: 0xff }),
  ...[2, 3, 6, 7, 0x7f, 0x80, 0x21, 0x41].map(gsoType =>
    bad(`GSO type 0x${gsoType.toString(16)}`, TCP4, { gsoType }),
  ),
  bad('UDP_L4 with ECN', UDP4, { gsoType: GSO_UDP_L4 | GSO_ECN }),
  bad('a segment size of 0', TCP4, { gsoSize: 0 }),
  bad('a segment size of 1', TCP4, { gsoSize: 1 }),
  bad('a segment size of 7', TCP4, { gsoSize: 7 }),
  bad('TSO without NEEDS_CSUM', TCP4, { flags: 0 }),
  bad('USO without NEEDS_CSUM', UDP4, { flags: 0 }),
  bad('TCPV4 on IPv6', TCP6, { gsoType: GSO_TCPV4 }),
  bad('TCPV6 on IPv4', TCP4, { gsoType: GSO_TCPV6 }),
  bad('TCPV4 on UDP', UDP4, { gsoType: GSO_TCPV4 }),
  bad('TCPV6 on UDP', UDP6, { gsoType: GSO_TCPV6 }),
  bad('UDP_L4 on TCP', TCP4, { gsoType: GSO_UDP_L4 }),
  bad('TSO on ARP', TCP4, {}, edited(TCP4.bytes, [12, 0x08, 0x06])),
  bad('TSO on EtherType 0', TCP4, {}, edited(TCP4.bytes, [12, 0, 0])),
  bad('IPv4 header length 1', TCP4, {}, edited(TCP4.bytes, [IP, 0x41])),
  bad('IPv4 header length 15 with csum_start 34', TCP4, {}, edited(TCP4.bytes, [IP, 0x4f])),
  bad('TCP data offset 1', TCP4, {}, edited(TCP4.bytes, [TCP + 12, 0x10])),
  bad(
    'TCP data offset 15 past the end',
    TCP4,
    {},
    edited(TCP4.bytes.subarray(0, TCP + 40), [TCP + 12, 0xf0]),
  ),
  bad('a total length that is wrong', TCP4, {}, edited(TCP4.bytes, [IP + 3, 0xff])),
  { ...bad('a total length that has wrapped', TCP4, { gsoSize: 1400 }, WRAPPED) },
  bad('a UDP length that is wrong', UDP4, {}, edited(UDP4.bytes, [TCP + 5, 0x07])),
  bad('a fragment', TCP4, {}, edited(TCP4.bytes, [IP + 6, 0x20])),
  bad('no payload', other({ protocol: 'tcp', payload: new Uint8Array(0), gsoSize: 40 }), {}),
  ...[0, 13, 33, 35].map(csumStart => bad(`csum_start ${csumStart}`, TCP4, { csumStart })),
  bad('csum_start in the last byte', TCP4, { csumStart: TCP4.bytes.length - 2, ...SUM_ONLY, csumOffset: 2 }),
  bad('csum_start 65,534', TCP4, { csumStart: 65_534, ...SUM_ONLY }),
  ...[0, 14, 15, 18, 65_534, 65_535].map(csumOffset =>
    bad(`csum_offset ${csumOffset}`, TCP4, { csumOffset }),
  ),
  bad('csum_start and csum_offset whose sum is 65,536', TCP4, {
    csumStart: 34,
    csumOffset: 65_502,
    ...SUM_ONLY,
  }),
  {
    name: 'NEEDS_CSUM on 14 bytes',
    frame: ethernetFrame(0x0800, new Uint8Array(0), OUTWARD),
    offload: { flags: 1, ...SUM_ONLY, csumStart: 14, csumOffset: 0 },
    sent: undefined,
  },
];
