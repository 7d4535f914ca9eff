/** Reading of capture files in the classic libpcap format (draft-ietf-opsawg-pcap, "PCAP Capture File Format"). */

//  file header, 24 bytes                    packet record header, 16 bytes
//  magic a1b2c3d4 | version | ... |         seconds | micro- or nanoseconds |
//  ... | snapshot length | link type        captured length | original length
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const CAPTURED_LENGTH = 8;

/**
 * The captured frames, in order. A record that is cut off at the end (a capture that is still being written) is left
 * out. Throws when the beginning is that of no capture file of this machine's byte order.
 */
export function readPcap(bytes: Buffer): Buffer[] {
  if (bytes.length < FILE_HEADER) return [];
  const magic = bytes.readUInt32LE(0);
  if (magic !== MAGIC_MICROSECONDS && magic !== MAGIC_NANOSECONDS) {
    throw new Error(`not a little-endian capture file: it begins with ${bytes.toString('hex', 0, 4)}`);
  }
  const frames: Buffer[] = [];
  let at = FILE_HEADER;
  while (at + RECORD_HEADER <= bytes.length) {
    const length = bytes.readUInt32LE(at + CAPTURED_LENGTH);
    const end = at + RECORD_HEADER + length;
    if (end > bytes.length) break;
    frames.push(bytes.subarray(at + RECORD_HEADER, end));
    at = end;
  }
  return frames;
}
