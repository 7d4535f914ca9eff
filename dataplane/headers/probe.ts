/**
 * The frame of a path probe (docs/adr/0030): a VXLAN datagram of VNI 0, which no network has, so that every VTEP that knows
 * nothing of probes drops it. Offsets are from the VXLAN header:
 *
 *    0  VXLAN header, I flag, VNI 0
 *    8  01:80:c2:00:00:0e, which no bridge forwards (IEEE 802.1Q table 8-1), and 02:00:00:00:00:00
 *   20  EtherType 88b5, "local experimental" (IEEE 802 section 9.2.3)
 *   22  "wft" and the kind: 1 question, 2 answer
 *   26  token, 16 bytes: of a session that was opened over gossip
 *   42  number of the probe, u16
 *   44  filling up to the size that is asked about
 */
import { VXLAN_HEADER_SIZE, writeVxlan } from './vxlan.ts';

export const PROBE_QUESTION = 1;
export const PROBE_ANSWER = 2;
export type ProbeKind = typeof PROBE_QUESTION | typeof PROBE_ANSWER;

/** Of no network: `parseVni` refuses it. */
export const PROBE_VNI = 0;

export const TOKEN_SIZE = 16;

/** Bytes of the Ethernet frame up to the filling: no probe is shorter. */
export const PROBE_HEADER_SIZE = 36;

const DESTINATION = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e] as const;
const SOURCE = [0x02, 0, 0, 0, 0, 0] as const;
const ETHER_TYPE = 0x88b5;
const MAGIC = 0x776674;

const MAGIC_AT = 14;
const TOKEN_AT = 18;
const NUMBER_AT = 34;

export interface Probe {
  readonly kind: ProbeKind;
  readonly token: Uint8Array;
  /** u16. */
  readonly number: number;
}

/** Writes a VXLAN header and a probe frame of `length` bytes from `at` on; `length` is that of the frame alone. */
export function writeProbe(view: DataView, at: number, length: number, probe: Probe): void {
  writeVxlan(view, at, PROBE_VNI as never);
  const frame = at + VXLAN_HEADER_SIZE;
  [...DESTINATION, ...SOURCE].forEach((byte, i) => {
    view.setUint8(frame + i, byte);
  });
  view.setUint16(frame + 12, ETHER_TYPE);
  view.setUint32(frame + MAGIC_AT, MAGIC * 256 + probe.kind);
  probe.token.forEach((byte, i) => {
    view.setUint8(frame + TOKEN_AT + i, byte);
  });
  view.setUint16(frame + NUMBER_AT, probe.number);
  // Not all alike: some hardware treats zeros apart.
  for (let i = PROBE_HEADER_SIZE; i < length; i++) view.setUint8(frame + i, (i * 31 + probe.number) & 0xff);
}

/** The probe in the frame at `frame`; undefined if it is none. */
export function readProbe(view: DataView, frame: number, length: number): Probe | undefined {
  if (length < PROBE_HEADER_SIZE || view.getUint16(frame + 12) !== ETHER_TYPE) return undefined;
  const word = view.getUint32(frame + MAGIC_AT);
  const kind = word & 0xff;
  if (word >>> 8 !== MAGIC || (kind !== PROBE_QUESTION && kind !== PROBE_ANSWER)) return undefined;
  const token = Uint8Array.from({ length: TOKEN_SIZE }, (_, i) => view.getUint8(frame + TOKEN_AT + i));
  return { kind, token, number: view.getUint16(frame + NUMBER_AT) };
}
