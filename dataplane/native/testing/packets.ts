/** Frames for the tests of the addon, and a checksum that shares nothing with the addon's. */

const ETHERNET = 14;

export interface PacketOptions {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly payload: Uint8Array;
  /** 802.1Q tags before the ethertype. */
  readonly vlans?: number;
}

export interface Packet {
  readonly bytes: Buffer;
  /** Where the network and the transport header begin. */
  readonly network: number;
  readonly transport: number;
  /** Offset of the checksum from `transport`. */
  readonly field: number;
  /** End of the transport header. */
  readonly headers: number;
}

/** The one's complement sum of RFC 1071, 16 bits at a time in network order. */
export function referenceSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    sum += i % 2 === 0 ? byte * 256 : byte;
  }
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** A whole frame whose transport checksum field holds only the sum of its pseudo header. */
export function partialPacket(options: PacketOptions): Packet {
  const { family, payload } = options;
  const tcp = options.protocol === 'tcp';
  const vlans = options.vlans ?? 0;
  const network = ETHERNET + 4 * vlans;
  const transport = network + (family === 4 ? 20 : 40);
  const field = tcp ? 16 : 6;
  const headers = transport + (tcp ? 20 : 8);
  const bytes = Buffer.from(new ArrayBuffer(headers + payload.length));
  bytes.set([0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1]);
  for (let tag = 0; tag < vlans; tag++) bytes.writeUInt32BE(0x8100_0000 + tag + 1, 12 + 4 * tag);
  bytes.writeUInt16BE(family === 4 ? 0x0800 : 0x86dd, network - 2);
  writeNetwork(bytes, network, options);
  bytes.writeUInt16BE(1000, transport);
  bytes.writeUInt16BE(2000, transport + 2);
  if (tcp) bytes.writeUInt16BE(0x5010, transport + 12);
  else bytes.writeUInt16BE(8 + payload.length, transport + 4);
  bytes.set(payload, headers);
  bytes.writeUInt16BE(pseudoSum(bytes, network, transport, options), transport + field);
  return { bytes, network, transport, field, headers };
}

function protocolNumber(options: PacketOptions): number {
  return options.protocol === 'tcp' ? 6 : 17;
}

function writeNetwork(bytes: Buffer, network: number, options: PacketOptions): void {
  if (options.family === 6) {
    bytes.writeUInt32BE(0x6000_0000, network);
    bytes.writeUInt16BE(bytes.length - network - 40, network + 4);
    bytes[network + 6] = protocolNumber(options);
    bytes[network + 7] = 64;
    bytes.write('20010db8000000000000000000000001', network + 8, 'hex');
    bytes.write('20010db8000000000000000000000002', network + 24, 'hex');
    return;
  }
  bytes[network] = 0x45;
  bytes.writeUInt16BE(bytes.length - network, network + 2);
  bytes[network + 8] = 64;
  bytes[network + 9] = protocolNumber(options);
  bytes.write('c6120001c6120002', network + 12, 'hex');
  bytes.writeUInt16BE(0xffff - referenceSum(bytes.subarray(network, network + 20)), network + 10);
}

/** RFC 9293 section 3.1 and RFC 8200 section 8.1. */
function pseudoSum(bytes: Buffer, network: number, transport: number, options: PacketOptions): number {
  const addresses =
    options.family === 4
      ? bytes.subarray(network + 12, network + 20)
      : bytes.subarray(network + 8, network + 40);
  return referenceSum(addresses, protocolNumber(options) + bytes.length - transport);
}

/** The checksum that a correct sender would have put into the packet. */
export function expectedChecksum(packet: Packet): number {
  const checksum = 0xffff - referenceSum(packet.bytes.subarray(packet.transport));
  return checksum === 0 ? 0xffff : checksum;
}
