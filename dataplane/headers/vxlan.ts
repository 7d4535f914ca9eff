/**
 * The VXLAN header (RFC 7348 section 5), as functions over the arena: `at` is the offset of its first byte.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-----------------------------------------------+
 *  |R|R|R|R|I|R|R|R|                   reserved                    |  0
 *  +-+-+-+-+-+-+-+-+-------------------------------+---------------+
 *  |       VXLAN network identifier (VNI)          |   reserved    |  4
 *  +-----------------------------------------------+---------------+
 */
import type { Vni } from '../address.ts';

const FLAGS = 0;
const VNI_AND_RESERVED = 4;

/** Bytes of the header. */
export const VXLAN_HEADER_SIZE = 8;

/** The UDP port that IANA assigned (RFC 7348 section 8). */
export const VXLAN_UDP_PORT = 4789;

/** The I flag: the VNI is valid. */
const FLAG_I = 0x08;
/** The first word of a header that we send: the I flag, 7 reserved flags and 24 reserved bits. */
const FIRST_WORD = 0x0800_0000;

/** Whether the I flag is set. RFC 7348 section 5: "the I flag MUST be set to 1 for a valid VXLAN Network ID". */
export function hasVniFlag(view: DataView, at: number): boolean {
  // RFC 7348 section 5: "The other 7 bits (designated "R") are reserved fields and MUST be […] ignored on receipt."
  return (view.getUint8(at + FLAGS) & FLAG_I) !== 0;
}

/** The network identifier; it means something only if {@link hasVniFlag}. May be 0, which `parseVni` refuses. */
export function readVni(view: DataView, at: number): Vni {
  // RFC 7348 section 5: "Reserved fields (24 bits and 8 bits): MUST be […] ignored on receipt."
  return (view.getUint32(at + VNI_AND_RESERVED) >>> 8) as Vni;
}

/** Writes all 8 bytes of a header for `vni`. */
export function writeVxlan(view: DataView, at: number, vni: Vni): void {
  // RFC 7348 section 5, of the R flags and of "Reserved fields (24 bits and 8 bits)": "MUST be set to zero on transmission".
  view.setUint32(at + FLAGS, FIRST_WORD);
  view.setUint32(at + VNI_AND_RESERVED, vni * 256);
}

/** Whether `length` bytes at `at` begin with a whole VXLAN header that carries a VNI. */
export function isValidVxlan(view: DataView, at: number, length: number): boolean {
  return length >= VXLAN_HEADER_SIZE && hasVniFlag(view, at);
}
