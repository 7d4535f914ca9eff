/**
 * What must become of an ARP or ND frame that a container sends, said once more and with nothing of the forwarder's code.
 * Station B is claimed by the peer, A is attached behind the container's port.
 */
import { referenceSum } from '../native/testing/packets.ts';
import { STATION_A, STATION_B } from '../testing/frames.ts';
import { ipHex } from '../testing/neighbor-frames.ts';

const LONGEST = 14 + 1450;

/** 'answered', 'sent' or the reason. */
export function expectedNeighbor(bytes: Uint8Array): string {
  const frame = Buffer.from(bytes);
  if (frame.length < 14) return 'runt';
  const destination = frame.readUIntBE(0, 6);
  const source = frame.readUIntBE(6, 6);
  const type = frame.readUInt16BE(12);
  if (source === 0 || isGroup(source)) return 'invalid_source_mac';
  if (type === 0x8100 || type === 0x88a8) return 'inner_vlan_tag';
  if (destination >= 0x0180_c200_0000 && destination <= 0x0180_c200_000f) return 'link_local_control';
  if (frame.length > LONGEST) return 'exceeds_mtu';
  if (source === STATION_B.mac) return 'source_spoofed';
  if (!isGroup(destination)) {
    return destination === STATION_A.mac || destination === source ? 'hairpin' : 'sent';
  }
  if (type === 0x0806) return arpVerdict(frame, source);
  return type === 0x86dd ? ndVerdict(frame, source) : 'sent';
}

function arpVerdict(frame: Buffer, source: number): string {
  if (frame.length < 42 || frame.toString('hex', 14, 20) !== '000108000604') return 'arp_malformed';
  const operation = frame.readUInt16BE(20);
  const senderMac = frame.readUIntBE(22, 6);
  const [sender, target] = [frame.readUInt32BE(28), frame.readUInt32BE(38)];
  if (operation !== 1 && operation !== 2) return 'arp_malformed';
  if (senderMac === 0 || isGroup(senderMac)) return 'arp_malformed';
  if (operation === 2) return sender === 0 ? 'arp_malformed' : 'sent';
  const isForB = frame.toString('hex', 38, 42) === ipHex(STATION_B.ipv4);
  return isForB && sender !== target && senderMac === source ? 'answered' : 'sent';
}

function ndVerdict(frame: Buffer, source: number): string {
  const packet = frame.subarray(14);
  if (packet.length <= 40 || packet[6] !== 58) return 'sent';
  const size = packet.readUInt16BE(4);
  const isWhole = (packet[0] ?? 0) >> 4 === 6 && 40 + size <= packet.length;
  const [type] = packet.subarray(40);
  if (type !== 135 && type !== 136) return 'sent';
  if (!isWhole) return 'nd_malformed';
  if (size === 0) return 'sent';
  const message = packet.subarray(40, 40 + size);
  const addresses = packet.subarray(8, 40);
  if (size < 24 || packet[7] !== 255 || message[1] !== 0 || message[8] === 0xff) return 'nd_malformed';
  if (referenceSum(message, referenceSum(addresses, 58 + size)) !== 0xffff) return 'nd_malformed';
  const options = optionsOf(message.subarray(24));
  if (options === undefined) return 'nd_malformed';
  if (type === 136) return packet[24] === 0xff && ((message[4] ?? 0) & 0x40) !== 0 ? 'nd_malformed' : 'sent';
  const link = options.find(option => option[0] === 1 && option.length === 8);
  if (packet.subarray(8, 24).every(byte => byte === 0)) {
    const isSolicitedNode = packet.toString('hex', 24, 37) === 'ff0200000000000000000001ff';
    if (!isSolicitedNode || link !== undefined) return 'nd_malformed';
  }
  if (link !== undefined && Buffer.from(link).readUIntBE(2, 6) !== source) return 'sent';
  return message.toString('hex', 8, 24) === ipHex(STATION_B.ipv6) ? 'answered' : 'sent';
}

/** undefined: they do not end with the message. */
function optionsOf(bytes: Buffer): readonly Buffer[] | undefined {
  const options: Buffer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const size = (rest[1] ?? 0) * 8;
    if (size === 0 || size > rest.length) return undefined;
    options.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return options;
}

function isGroup(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}
