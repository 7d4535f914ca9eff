/**
 * The self-test of the tunnel-GSO sender on real frames. The same code that sends later writes a TCP super-frame into an
 * injector whose ingress is redirected to an observer (injector-device.ts). The observer can do nothing, so the kernel has
 * to cut what was written: it must come out as the datagrams that the addon itself would have made, byte by byte inside
 * and with right lengths and checksums outside.
 */
import { readSync } from 'node:fs';
import { type IpAddress, ipFamily, ipToBytes, parseMac, parseVni } from './address.ts';
import { Arena } from './arena.ts';
import { addIpv4PseudoHeader, addIpv6PseudoHeader, addRange, checksum, finish, fold } from './checksum.ts';
import { FLAG_NEEDS_CSUM, FrameBatch, GSO_TCPV4 } from './frame-batch.ts';
import {
  ETHERNET_HEADER_SIZE,
  ETHERTYPE_IPV4,
  writeDestinationMac,
  writeEtherType,
  writeSourceMac,
} from './headers/ethernet.ts';
import { IPV4_MIN_HEADER_SIZE, PROTOCOL_TCP, PROTOCOL_UDP } from './headers/ipv4.ts';
import { IPV6_HEADER_SIZE } from './headers/ipv6.ts';
import {
  TCP_ACK,
  TCP_CHECKSUM_OFFSET,
  TCP_MIN_HEADER_SIZE,
  writeTcpChecksum,
  writeTcpControl,
  writeTcpNumbers,
  writeTcpPorts,
} from './headers/tcp.ts';
import { UDP_HEADER_SIZE } from './headers/udp.ts';
import { VXLAN_HEADER_SIZE, VXLAN_UDP_PORT, writeVxlan } from './headers/vxlan.ts';
import { batchIo } from './native/batch-io.ts';
import { NativeUdpPort } from './udp.ts';

/** The default vnet header, struct virtio_net_hdr, which an observer has. */
const OBSERVER_HEADER = 10;
const PAYLOAD = 5000;
const GSO_SIZE = 1359;
const SEGMENTS = Math.ceil(PAYLOAD / GSO_SIZE);
const INNER_HEADERS = ETHERNET_HEADER_SIZE + IPV4_MIN_HEADER_SIZE + TCP_MIN_HEADER_SIZE;
const MAC = parseMac('02:00:5e:10:00:01');

export interface TunnelProbeDevices {
  /** Descriptors, both up; what the injector gets goes to the observer. */
  readonly injector: number;
  readonly observer: number;
}

/** Why the kernel cannot be trusted with tunnels, in words; undefined if all is right. `address`: of this VTEP. */
export function probeTunnel(devices: TunnelProbeDevices, address: IpAddress): string | undefined {
  const arena = new Arena({ slots: 1 });
  const batch = new FrameBatch(1);
  writeSuperFrame(arena, batch, address);
  const expected = Buffer.alloc(SEGMENTS * (VXLAN_HEADER_SIZE + INNER_HEADERS) + PAYLOAD);
  if (batchIo.segmentFrame(arena.memory, batch.memory, expected.buffer as ArrayBuffer) !== expected.length) {
    return 'the super-frame of the test is wrong';
  }
  const port = new NativeUdpPort(
    { arena },
    { address, port: 0, sourceSockets: 1 },
    { onFrames: () => {}, onLost: () => {} },
  );
  try {
    port.setNextHops([{ fd: devices.injector, mtu: 1500, source: MAC, destination: MAC }]);
    port.send(batch, 0, 1);
    if (port.counters.txTunnelFrames !== 1) return 'it refuses a super-frame in a tunnel';
  } finally {
    port.close();
  }
  return compare(readFrames(devices.observer), expected, ipFamily(address));
}

function writeSuperFrame(arena: Arena, batch: FrameBatch, address: IpAddress): void {
  const { view, bytes } = arena;
  const at = arena.scratchOffset + VXLAN_HEADER_SIZE;
  const ip = at + ETHERNET_HEADER_SIZE;
  const tcp = ip + IPV4_MIN_HEADER_SIZE;
  writeVxlan(view, arena.scratchOffset, parseVni(1));
  writeDestinationMac(view, at, MAC);
  writeSourceMac(view, at, MAC);
  writeEtherType(view, at, ETHERTYPE_IPV4);
  const transport = TCP_MIN_HEADER_SIZE + PAYLOAD;
  // RFC 791 section 3.1: version and length, total length, DF, TTL, protocol; RFC 2544 gives the addresses.
  bytes.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, PROTOCOL_TCP, 0, 0, 198, 18, 0, 1, 198, 18, 0, 2], ip);
  view.setUint16(ip + 2, IPV4_MIN_HEADER_SIZE + transport);
  view.setUint16(ip + 10, checksum(view, ip, IPV4_MIN_HEADER_SIZE));
  writeTcpPorts(view, tcp, 40_000, 5001);
  writeTcpNumbers(view, tcp, 1, 1);
  writeTcpControl(view, tcp, TCP_MIN_HEADER_SIZE, TCP_ACK, 512);
  writeTcpChecksum(view, tcp, fold(addIpv4PseudoHeader(0, view, ip, PROTOCOL_TCP, transport)));
  for (let i = 0; i < PAYLOAD; i++) bytes[tcp + TCP_MIN_HEADER_SIZE + i] = i % 251;

  batch.setOffset(0, at);
  batch.setLength(0, INNER_HEADERS + PAYLOAD);
  batch.setEncapLength(0, VXLAN_HEADER_SIZE);
  batch.setFlags(0, FLAG_NEEDS_CSUM);
  batch.setGsoType(0, GSO_TCPV4);
  batch.setGsoSize(0, GSO_SIZE);
  batch.setCsumStart(0, tcp - at);
  batch.setCsumOffset(0, TCP_CHECKSUM_OFFSET);
  batch.setFamily(0, ipFamily(address));
  batch.setPort(0, VXLAN_UDP_PORT);
  batch.setNextHop(0, 1);
  // To ourselves: the frame never reaches a stack.
  const words = Buffer.alloc(16);
  words.set(ipToBytes(address));
  for (let word = 0; word < 4; word++) batch.setAddressWord(0, word, words.readUInt32LE(4 * word));
}

/** Everything that waits at the observer: the redirection has carried it before the write has returned. */
function readFrames(observer: number): Buffer[] {
  const frames: Buffer[] = [];
  const buffer = Buffer.alloc(OBSERVER_HEADER + 65_536);
  for (;;) {
    try {
      const bytes = readSync(observer, buffer);
      frames.push(Buffer.from(buffer.subarray(OBSERVER_HEADER, bytes)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return frames;
      throw error;
    }
  }
}

function compare(frames: readonly Buffer[], expected: Buffer, family: 4 | 6): string | undefined {
  const ip = ETHERNET_HEADER_SIZE;
  const udp = ip + (family === 4 ? IPV4_MIN_HEADER_SIZE : IPV6_HEADER_SIZE);
  if (frames.length !== SEGMENTS) return `it made ${frames.length} datagrams of ${SEGMENTS}`;
  const inner = Buffer.concat(frames.map(frame => frame.subarray(udp + UDP_HEADER_SIZE)));
  if (!inner.equals(expected)) return 'it changed the frames in the tunnel';
  return frames.every(frame => isOuterRight(frame, ip, udp, family))
    ? undefined
    : 'it made wrong outer headers';
}

function isOuterRight(frame: Buffer, ip: number, udp: number, family: 4 | 6): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const length = frame.length - udp;
  const addPseudoHeader = family === 4 ? addIpv4PseudoHeader : addIpv6PseudoHeader;
  const sum = addRange(addPseudoHeader(0, view, ip, PROTOCOL_UDP, length), view, udp, length);
  const isIpRight =
    family === 4
      ? view.getUint16(ip + 2) === frame.length - ip && checksum(view, ip, IPV4_MIN_HEADER_SIZE) === 0
      : view.getUint16(ip + 4) === length;
  return isIpRight && view.getUint16(udp + 4) === length && finish(sum) === 0;
}
