/**
 * The bytes that test streams carry: a fixed sequence that any end can make again, that nothing on the way can guess, and
 * in which no two pieces are alike: a block of key stream that is made once, over and over, and before each a counter.
 */
import { createCipheriv, createHash } from 'node:crypto';

const BLOCK_BYTES = 256 * 1024;
const BLOCKS = 64;
const COUNTER_BYTES = 8;
const CHUNK_BYTES = COUNTER_BYTES + BLOCK_BYTES;

/** AES in counter mode over zeros, so that making it costs a fraction of a second. */
function keyStream(): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 0x77), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(BLOCKS * BLOCK_BYTES));
}

/** The first `bytes` of the sequence as counter and block in turn. The blocks are shared: nobody may write to them. */
export function* streamContent(bytes: number): Generator<readonly [counter: Buffer, block: Buffer]> {
  const blocks = keyStream();
  for (let at = 0, n = 0; at < bytes; at += CHUNK_BYTES, n++) {
    const rest = Math.min(CHUNK_BYTES, bytes - at);
    const counter = Buffer.alloc(COUNTER_BYTES);
    counter.writeBigUInt64BE(BigInt(n));
    const start = (n % BLOCKS) * BLOCK_BYTES;
    yield [counter.subarray(0, rest), blocks.subarray(start, start + Math.max(0, rest - COUNTER_BYTES))];
  }
}

/** SHA-256 of the first `bytes` of the sequence, in hexadecimal. */
export function streamDigest(bytes: number): string {
  const hash = createHash('sha256');
  for (const [counter, block] of streamContent(bytes)) hash.update(counter).update(block);
  return hash.digest('hex');
}
