/**
 * What must become of a datagram, said once more and with nothing of the forwarder's code: RFC 7348 and the order of
 * the checks. For the thousands of damaged ones that no table can list; the tables hold it to account.
 */
import { BLUE, OUR_MAC, type Sender } from './row.ts';

const PEER_MAC = 0x02_00_5e_10_00_02;
const LONGEST = 14 + 1450;

/** 'delivered' or the reason. `tos` of the outer header is 0, and the frame is not a whole super-frame. */
export function expectedVerdict(datagram: Uint8Array, sender: Sender = 'peer'): string {
  const bytes = Buffer.from(datagram);
  if (bytes.length < 8) return 'vxlan_truncated';
  if (sender === 'stranger' || sender === 'self') return 'unknown_vtep';
  if (((bytes[0] ?? 0) & 0x08) === 0) return 'vxlan_flags';
  if (bytes.readUIntBE(4, 3) !== BLUE) return 'unknown_vni';
  if (sender === 'elsewhere') return 'vtep_not_in_network';
  return verdictOnFrame(bytes.subarray(8));
}

function verdictOnFrame(frame: Buffer): string {
  if (frame.length < 14) return 'runt';
  const source = frame.readUIntBE(6, 6);
  const destination = frame.readUIntBE(0, 6);
  const type = frame.readUInt16BE(12);
  if (source === 0 || isGroup(source)) return 'invalid_source_mac';
  if (type === 0x8100 || type === 0x88a8) return 'inner_vlan_tag';
  if (destination >= 0x0180_c200_0000 && destination <= 0x0180_c200_000f) return 'link_local_control';
  if (frame.length > LONGEST) return 'exceeds_mtu';
  if (source === OUR_MAC) return 'source_is_local';
  // What has just been learned is behind the peer.
  if (!isGroup(destination) && (destination === source || destination === PEER_MAC)) return 'split_horizon';
  return 'delivered';
}

function isGroup(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}
