/** The frames that the generator sends: UDP over IPv4 over Ethernet, in as many variants as there are MACs or flows. */
import { parseMac } from '../../dataplane/address.ts';

/** What differs between two frames. */
export type Variation = 'destination-mac' | 'source-mac' | 'source-port' | 'nothing';

export interface ProbeOptions {
  readonly sourceMac: string;
  readonly destinationMac: string;
  /** Bytes of UDP payload. */
  readonly payload: number;
  readonly vary: Variation;
  /** How many different frames: MAC addresses count upwards from {@link VARIANT_MAC}, ports from 1024. */
  readonly variants: number;
}

/** The first of the MAC addresses that stand for many stations: locally administered. */
export const VARIANT_MAC = 0x02_57_00_00_00_00;
const FIRST_PORT = 1024;

const ETHERNET = 14;
const IPV4 = 20;
const UDP = 8;
const PROTOCOL_UDP = 17;
/** RFC 863: discard. */
const DISCARD_PORT = 9;
// Both in 198.18.0.0/15 (RFC 2544), and no address of any container: whatever gets such a frame drops it in silence.
const SOURCE_IP = 0xc6_13_ff_01;
const DESTINATION_IP = 0xc6_13_ff_02;

const parsed = new Map<string, number>();
function macOf(text: string): number {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const mac = parseMac(text);
  parsed.set(text, mac);
  return mac;
}

/** Writes frame `variant` at `at` and returns its length. The UDP checksum is 0: "no checksum" (RFC 768). */
export function writeProbe(view: DataView, at: number, options: ProbeOptions, variant: number): number {
  const { vary, payload } = options;
  const station = VARIANT_MAC + variant;
  writeMac(view, at, vary === 'destination-mac' ? station : macOf(options.destinationMac));
  writeMac(view, at + 6, vary === 'source-mac' ? station : macOf(options.sourceMac));
  view.setUint16(at + 12, 0x0800);
  const ip = at + ETHERNET;
  view.setUint32(ip, 0x45_00_0000 | (IPV4 + UDP + payload));
  view.setUint32(ip + 4, 0x0000_4000); // DF, no fragment
  view.setUint32(ip + 8, (64 << 24) | (PROTOCOL_UDP << 16));
  view.setUint32(ip + 12, SOURCE_IP);
  view.setUint32(ip + 16, DESTINATION_IP);
  view.setUint16(ip + 10, ipv4Checksum(view, ip));
  const udp = ip + IPV4;
  view.setUint16(udp, vary === 'source-port' ? FIRST_PORT + variant : FIRST_PORT);
  view.setUint16(udp + 2, DISCARD_PORT);
  view.setUint16(udp + 4, UDP + payload);
  view.setUint16(udp + 6, 0);
  return ETHERNET + IPV4 + UDP + payload;
}

function writeMac(view: DataView, at: number, mac: number): void {
  view.setUint16(at, Math.floor(mac / 2 ** 32));
  view.setUint32(at + 2, mac % 2 ** 32);
}

/** RFC 791: of the header with the checksum field 0. */
function ipv4Checksum(view: DataView, at: number): number {
  let sum = 0;
  for (let offset = 0; offset < IPV4; offset += 2) sum += view.getUint16(at + offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
