/**
 * What lies between messages and sockets. Out: compression, checksum, encryption. In: decryption; checksum and compression
 * are taken off by packet.ts and stream.ts.
 */
import { compress } from './compression.ts';
import { CHECKSUM_BYTES, MESSAGE_TYPE } from './constants.ts';
import type { DropReason } from './counters.ts';
import { type Keyring, SEAL_BYTES } from './keyring.ts';
import { withChecksum } from './packet.ts';
import { keyringSeal, PLAIN_STREAM, type StreamOpener, type StreamSeal } from './stream-seal.ts';

export interface WrapOptions {
  /** The receiver is known to read checksums. */
  readonly checksum: boolean;
}

export class Wire {
  /** What the wrapping adds to a datagram at the most, in bytes. */
  readonly packetOverhead: number;
  private readonly keyring: Keyring | undefined;
  private readonly streamSeal: StreamSeal;

  /** Without a keyring nothing is encrypted, and nothing encrypted is understood; with one, nothing else is accepted. */
  constructor(options: { readonly keyring?: Keyring | undefined } = {}) {
    this.keyring = options.keyring;
    this.streamSeal = this.keyring === undefined ? PLAIN_STREAM : keyringSeal(this.keyring);
    this.packetOverhead = CHECKSUM_BYTES + (this.keyring === undefined ? 0 : SEAL_BYTES);
  }

  /** Whether what comes in is from somebody who has a key of the pool. */
  get isAuthenticated(): boolean {
    return this.keyring !== undefined;
  }

  wrapPacket(bytes: Uint8Array, { checksum }: WrapOptions): Uint8Array {
    const packed = compress(bytes);
    const summed = checksum ? withChecksum(packed) : packed;
    return this.keyring?.seal(summed) ?? summed;
  }

  /** The datagram as packet.ts reads it, or why it is not to be used. Never throws. */
  unwrapPacket(bytes: Uint8Array): Uint8Array | DropReason {
    if (bytes[0] === MESSAGE_TYPE.label) return 'labelled';
    if (this.keyring === undefined) return looksSealed(bytes) ? 'encrypted' : bytes;
    return this.keyring.open(bytes) ?? (looksSealed(bytes) ? 'undecryptable' : 'plaintext');
  }

  /** The request or answer of a stream. */
  wrapStream(message: Uint8Array): Uint8Array {
    return this.streamSeal.seal(compress(message));
  }

  streamOpener(): StreamOpener {
    return this.streamSeal.opener();
  }
}

/**
 * A sealed datagram begins with 0 or 1, as pings do, but then comes a nonce, and after the type of a ping a map: of 256
 * nonces 18 look like one.
 */
function looksSealed(bytes: Uint8Array): boolean {
  const [version = 0xff, next = 0] = bytes;
  const isMap = (next >= 0x80 && next <= 0x8f) || next === 0xde || next === 0xdf;
  return version <= 1 && bytes.length >= SEAL_BYTES && !isMap;
}
