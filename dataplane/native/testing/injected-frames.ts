/** Frames for the tests of the tunnel-GSO sender, each a case of its own. */
import { GSO_ECN, GSO_NONE } from '../../frame-batch.ts';
import { pattern, tcpFrame } from '../../testing/frames.ts';
import type { SuperFrame } from '../../testing/reference-segments.ts';
import { superFrame } from '../../testing/super-frames.ts';

/** Of the underlay: outer IP packets. */
export const MTU = 1500;
export const NEXT_HOP_MAC = '02:00:00:00:00:02';

export interface InjectedFrame {
  readonly frame: SuperFrame;
  /** What the descriptor says. */
  readonly gsoType: number;
  readonly needsChecksum: boolean;
  readonly csumOffset: number;
  readonly tos: number;
  /** What comes out, where that is not what cutting and completing would make. */
  readonly whole?: Uint8Array;
  /** Whether an injector carries it. */
  readonly carried: boolean;
  /** What the descriptor names. @default the injector */
  readonly nextHop?: number;
}

const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const timestamps = Uint8Array.of(1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88);
/** FIN, PSH, ACK and CWR: all that only some of the segments keep. */
const ALL_FLAGS = 0x99;

function tcp(
  options: Partial<Parameters<typeof superFrame>[0]>,
  more: Partial<InjectedFrame> = {},
): InjectedFrame {
  const frame = superFrame({ protocol: 'tcp', payload: pattern(30_001), gsoSize: 1388, ...options });
  const { gsoType } = frame;
  return { frame, gsoType, needsChecksum: true, csumOffset: TCP_CHECKSUM, tos: 0, carried: true, ...more };
}

/** One segment, its checksum as `superFrame` leaves it: partial. */
function single(family: 4 | 6, payload: number, more: Partial<InjectedFrame> = {}): InjectedFrame {
  return tcp({ family, payload: pattern(payload), gsoSize: 2000 }, { gsoType: GSO_NONE, ...more });
}

/** A frame that needs nothing. */
function complete(bytes: Uint8Array, more: Partial<InjectedFrame> = {}): InjectedFrame {
  const frame = { bytes, gsoType: GSO_NONE, gsoSize: 0, headerLength: 0, csumStart: 0 };
  const plain = { gsoType: GSO_NONE, needsChecksum: false, csumOffset: 0, tos: 0, carried: true };
  return { frame, whole: bytes, ...plain, ...more };
}

/** `bytes` with another EtherType. */
function withType(type: number, bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed.set([type >> 8, type & 0xff], 12);
  return changed;
}

const small = tcpFrame({ payload: pattern(501) });

export const INJECTED: Readonly<Record<string, InjectedFrame>> = {
  'TCP over IPv4': tcp({ tcpOptions: timestamps, identification: 0xfffe }),
  'TCP over IPv6': tcp({ family: 6, tcpOptions: timestamps, gsoSize: 1360 }, { tos: 0xb9 }),
  'TCP with all flags': tcp({ flags: ALL_FLAGS, sequence: 0xffff_f000 }, { gsoType: 1 | GSO_ECN, tos: 0x02 }),
  'a last segment of one byte': tcp({ payload: pattern(2001), gsoSize: 1000 }),
  'a super-frame of one segment': tcp({ payload: pattern(700), gsoSize: 1388 }),
  'a whole multiple': tcp({ payload: pattern(3000), gsoSize: 1000 }),
  'one segment of IPv4': single(4, 1201),
  'one segment of IPv6': single(6, 3),
  'no payload': single(4, 0, { whole: tcpFrame({ payload: pattern(0) }) }),
  'a complete checksum': complete(small),
  'a complete checksum over IPv6': complete(tcpFrame({ family: 6, payload: pattern(500) })),
  'the largest segment': tcp({ payload: pattern(9000), gsoSize: 1360 }),
  'too large a segment': tcp({ payload: pattern(9000), gsoSize: 1389 + 60 }),
  'too large a frame': single(4, 1449),
  // All of these go by the sockets.
  'more than one packet can hold': tcp({ payload: pattern(65_481), gsoSize: 1360 }, { carried: false }),
  UDP: {
    ...tcp({ protocol: 'udp', payload: pattern(4000), gsoSize: 1000 }),
    csumOffset: UDP_CHECKSUM,
    carried: false,
  },
  'a next hop without an injector': single(4, 100, { nextHop: 1, carried: false }),
  'no next hop': single(4, 100, { nextHop: 0, carried: false }),
  'a next hop that is not there': single(4, 100, { nextHop: 3, carried: false }),
  'no IP': complete(withType(0x88b5, small), { carried: false }),
  'IP that is cut off': complete(small.slice(0, 33), { carried: false }),
};
