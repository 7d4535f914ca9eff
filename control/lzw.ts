/**
 * LZW as Go's compress/lzw has it with LSB order and literals of 8 bits: GIF's flavour, not TIFF's. Codes begin with 9
 * bits and grow to 12 when the next code would not fit; 256 clears the table, 257 ends the data. The stream begins
 * with a clear code, and another one follows when 4,095 codes are in use.
 */
import { WeftError } from '../dataplane/errors.ts';

const CLEAR = 256;
const END = 257;
const FIRST_WIDTH = 9;
const LAST_WIDTH = 12;
const CODES = 1 << LAST_WIDTH;
const NONE = -1;

// One call uses them at a time, and none keeps anything in them.
const prefixes = new Uint16Array(CODES);
const suffixes = new Uint8Array(CODES);
const lengths = new Uint16Array(CODES);

/**
 * Returns what the bytes stand for, or undefined when that is more than `max` bytes: a few bytes of LZW can stand for
 * a thousand times as many. Never holds more than 2·max. Throws `malformed`.
 */
export function lzwDecode(bytes: Uint8Array, max: number): Uint8Array | undefined {
  let output = new Uint8Array(Math.min(max, 4 * bytes.length + 64));
  let length = 0;
  let position = 0;
  let bits = 0;
  let bitCount = 0;
  let width = FIRST_WIDTH;
  /** The code that is defined next; those below it may occur. */
  let next = END;
  let last = NONE;
  for (;;) {
    while (bitCount < width) {
      if (position >= bytes.length) throw new WeftError('malformed', 'LZW data is cut short');
      bits |= (bytes[position++] as number) << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    bitCount -= width;
    if (code === END) return output.subarray(0, length);
    if (code === CLEAR) {
      width = FIRST_WIDTH;
      next = END;
      last = NONE;
      continue;
    }
    if (code > next) throw new WeftError('malformed', 'LZW data has a code that is not defined');
    // The one code that may occur before it is defined stands for the last piece and its first byte.
    const isNew = code === next && last !== NONE;
    const known = isNew ? last : code;
    const pieceLength = known < CLEAR ? 1 : (lengths[known] as number);
    const end = length + pieceLength + (isNew ? 1 : 0);
    if (end > max) return undefined;
    if (end > output.length) {
      const larger = new Uint8Array(Math.min(max, Math.max(end, 2 * output.length)));
      larger.set(output.subarray(0, length));
      output = larger;
    }
    let walked = known;
    for (let at = length + pieceLength - 1; at > length; at--) {
      output[at] = suffixes[walked] as number;
      walked = prefixes[walked] as number;
    }
    output[length] = walked;
    if (isNew) output[end - 1] = walked;
    if (last !== NONE) {
      prefixes[next] = last;
      suffixes[next] = walked;
      lengths[next] = (last < CLEAR ? 1 : (lengths[last] as number)) + 1;
    }
    length = end;
    last = code;
    next += 1;
    if (next < 1 << width) continue;
    if (width < LAST_WIDTH) width += 1;
    else {
      // The table is full: nothing is defined any more before the next clear code.
      last = NONE;
      next -= 1;
    }
  }
}

const HASH_SIZE = 4 * CODES;
const HASH_MASK = HASH_SIZE - 1;
const hash = new Uint32Array(HASH_SIZE);

/** The same bytes that Go's encoder writes. */
export function lzwEncode(bytes: Uint8Array): Uint8Array {
  // Incompressible data grows to 12 bits a byte; a clear code comes every 3,837 codes at the most.
  const output = new Uint8Array(8 + Math.ceil(bytes.length * 1.51));
  let length = 0;
  let bits = 0;
  let bitCount = 0;
  let width = FIRST_WIDTH;
  let next = END;
  const write = (code: number): void => {
    bits |= code << bitCount;
    bitCount += width;
    while (bitCount >= 8) {
      output[length++] = bits & 0xff;
      bits >>>= 8;
      bitCount -= 8;
    }
  };
  /** Counts a code that the decoder defines; false when the table had to be cleared instead. */
  const define = (): boolean => {
    next += 1;
    if (next === 1 << width) width += 1;
    if (next !== CODES - 1) return true;
    write(CLEAR);
    width = FIRST_WIDTH;
    next = END;
    hash.fill(0);
    return false;
  };
  hash.fill(0);
  write(CLEAR);
  let prefix = NONE;
  for (const byte of bytes) {
    if (prefix === NONE) {
      prefix = byte;
      continue;
    }
    const key = (prefix << 8) | byte;
    let slot = ((key >>> 12) ^ key) & HASH_MASK;
    // An entry is its key and its code; no code that is defined is 0, so an empty slot is 0.
    while (hash[slot] !== 0 && (hash[slot] as number) >>> LAST_WIDTH !== key) slot = (slot + 1) & HASH_MASK;
    const found = hash[slot] as number;
    if (found !== 0) {
      prefix = found & (CODES - 1);
      continue;
    }
    write(prefix);
    prefix = byte;
    if (define()) hash[slot] = (key << LAST_WIDTH) | next;
  }
  if (prefix !== NONE) {
    write(prefix);
    define();
  }
  write(END);
  if (bitCount > 0) output[length++] = bits & 0xff;
  return output.subarray(0, length);
}
