/**
 * How a VTEP is reached past the sockets, for the tunnel-GSO sender: by which injector, and what the outer Ethernet header
 * says. The kernel's routing and neighbour tables say it (daemon/sender/), and this is how the addon reads it.
 */
import type { MacAddress } from './address.ts';

export interface NextHop {
  /** Descriptor of the injector (injector-device.ts). */
  readonly fd: number;
  /** Bytes of an outer IP packet that the path carries. */
  readonly mtu: number;
  /** MAC address of the underlay device. */
  readonly source: MacAddress;
  /** MAC address of the next hop: the VTEP's own, or a router's. */
  readonly destination: MacAddress;
}

/** Bytes of one entry: struct tunnel_hop of native/tunnel.h. */
const NEXT_HOP_SIZE = 24;
const FD = 0; // i32
const MTU = 4; // u32
const DESTINATION = 8; // 6 bytes
const SOURCE = 14; // 6 bytes

/** The table as the addon wants it: numbers in the machine's byte order, addresses in the network's. */
export function encodeNextHops(hops: readonly NextHop[]): ArrayBuffer {
  const table = new ArrayBuffer(hops.length * NEXT_HOP_SIZE);
  const numbers = new Int32Array(table);
  const bytes = Buffer.from(table);
  hops.forEach((hop, i) => {
    const at = i * NEXT_HOP_SIZE;
    numbers[(at + FD) / 4] = hop.fd;
    numbers[(at + MTU) / 4] = hop.mtu;
    bytes.writeUIntBE(hop.destination, at + DESTINATION, 6);
    bytes.writeUIntBE(hop.source, at + SOURCE, 6);
  });
  return table;
}
