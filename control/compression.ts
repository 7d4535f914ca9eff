/**
 * Compressed messages: 09 {Algo, Buf}, where Algo 0 is LZW (lzw.ts) and Buf is a whole message with its type byte
 * (memberlist util.go, `compressPayload`).
 */
import { MESSAGE_TYPE } from './constants.ts';
import type { DropReason } from './counters.ts';
import { Fields } from './fields.ts';
import { lzwDecode, lzwEncode } from './lzw.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';

const LZW = 0;

/** Below it the wrapping costs more than is gained, in bytes. */
const WORTHWHILE_BYTES = 256;

/** The message compressed, or itself if it is small or does not become smaller. */
export function compress(message: Uint8Array): Uint8Array {
  if (message.length < WORTHWHILE_BYTES) return message;
  const packed = lzwEncode(message);
  const writer = new MsgpackWriter().byte(MESSAGE_TYPE.compress).map(2);
  const bytes = writer.text('Algo').unsigned(LZW).text('Buf').raw(packed).bytes();
  return bytes.length < message.length ? bytes : message;
}

/**
 * The message within a compressed one (`bytes` begins with its type byte), of `max` bytes at the most, or why it is
 * not used. Throws `malformed`, TruncatedError while bytes are missing.
 */
export function decompress(
  bytes: Uint8Array,
  max: number,
): Uint8Array | Extract<DropReason, 'compressed' | 'inflated'> {
  const fields = new Fields(new MsgpackReader(bytes, 1));
  if (fields.unsigned('Algo', 0xff) !== LZW) return 'compressed';
  return lzwDecode(fields.view('Buf'), max) ?? 'inflated';
}
