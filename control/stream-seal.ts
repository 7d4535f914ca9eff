/**
 * How the bytes of a stream are protected; the one place that knows. Today it is the pool's keyring, or nothing. Mutual TLS
 * will be one more {@link StreamSeal}: it seals at the socket, so these functions will hand its bytes through.
 *
 * With a keyring each message is one frame (memberlist security.go and net.go, `encryptLocalState`):
 *
 *   0a length(4) sealed                 the five bytes before `sealed` are its additional authenticated data
 *
 * memberlist sends one message each way, so one frame; a stream of many messages has a frame for each.
 */
import { WeftError } from '../dataplane/errors.ts';
import { ChunkBuffer } from './chunk-buffer.ts';
import { MESSAGE_TYPE, STREAM_MAX_BYTES } from './constants.ts';
import type { DropReason } from './counters.ts';
import { type Keyring, SEAL_BYTES } from './keyring.ts';

const HEADER_BYTES = 5;

export interface StreamSeal {
  /** What is to be written for a message; the other side's opener gives it back as one piece. */
  seal(message: Uint8Array): Uint8Array;
  /** One for each stream and direction. */
  opener(): StreamOpener;
}

export interface StreamOpener {
  /**
   * Takes bytes as they arrive. Returns the messages that are complete, in order; where nothing is sealed, the bytes as
   * they are. Throws {@link StreamRefused}; then nothing of the stream is to be believed, and it is to be closed without
   * an answer.
   */
  push(chunk: Uint8Array): readonly Uint8Array[];
}

/** A stream whose bytes are not to be used, and the reason that counts. */
export class StreamRefused extends WeftError {
  readonly reason: DropReason;

  constructor(reason: DropReason, message: string) {
    super('malformed', message);
    this.reason = reason;
  }
}

/** Nothing is sealed. */
export const PLAIN_STREAM: StreamSeal = {
  seal: message => message,
  opener: () => ({ push: chunk => [chunk] }),
};

export function keyringSeal(keyring: Keyring): StreamSeal {
  return {
    seal(message) {
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt8(MESSAGE_TYPE.encrypt, 0);
      header.writeUInt32BE(message.length + SEAL_BYTES, 1);
      return Buffer.concat([header, keyring.seal(message, header)]);
    },
    opener: () => new FrameOpener(keyring),
  };
}

class FrameOpener implements StreamOpener {
  private readonly keyring: Keyring;
  private readonly pending = new ChunkBuffer();

  constructor(keyring: Keyring) {
    this.keyring = keyring;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    this.pending.append(chunk);
    const messages: Uint8Array[] = [];
    for (;;) {
      const bytes = this.pending.view;
      const [type] = bytes;
      if (type === MESSAGE_TYPE.label) throw new StreamRefused('labelled', 'the stream has a label');
      if (type !== undefined && type !== MESSAGE_TYPE.encrypt) {
        throw new StreamRefused('plaintext', 'the stream is not encrypted');
      }
      if (bytes.length < HEADER_BYTES) return messages;
      const length = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUInt32BE(1);
      if (length > STREAM_MAX_BYTES + SEAL_BYTES) {
        throw new StreamRefused('streamTooLarge', 'an encrypted message is too large');
      }
      if (bytes.length < HEADER_BYTES + length) return messages;
      const header = bytes.subarray(0, HEADER_BYTES);
      const message = this.keyring.open(bytes.subarray(HEADER_BYTES, HEADER_BYTES + length), header);
      if (message === undefined) throw new StreamRefused('undecryptable', 'no key opens the stream');
      messages.push(message);
      this.pending.consume(HEADER_BYTES + length);
    }
  }
}
