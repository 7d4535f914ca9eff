/**
 * What lies between messages and sockets: compression and checksum on the way out. On the way in, packet.ts and
 * stream.ts take them off again.
 */
import { compress } from './compression.ts';
import { CHECKSUM_BYTES } from './constants.ts';
import { withChecksum } from './packet.ts';

export interface WrapOptions {
  /** The receiver is known to read checksums. */
  readonly checksum: boolean;
}

export class Wire {
  /** What the wrapping adds to a datagram at the most, in bytes. */
  readonly packetOverhead: number = CHECKSUM_BYTES;

  wrapPacket(bytes: Uint8Array, { checksum }: WrapOptions): Uint8Array {
    const packed = compress(bytes);
    return checksum ? withChecksum(packed) : packed;
  }

  wrapStream(bytes: Uint8Array): Uint8Array {
    return compress(bytes);
  }
}
