/** A shared secret of the pool. Kept as a KeyObject, which no log, JSON or stack trace can show. */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import { WeftError } from '../dataplane/errors.ts';

/** AES-128, AES-192 or AES-256, by the length of the key in bytes. */
const KEY_BYTES = [16, 24, 32];

/** Of the key's SHA-256, in bytes: enough that two keys never look alike, too little to be of use to anybody. */
const FINGERPRINT_BYTES = 8;

export interface GossipKey {
  readonly secret: KeyObject;
  /** 16 hexadecimal digits, for people and logs to tell keys apart. */
  readonly fingerprint: string;
}

/** Throws `invalid_argument` for another length than 16, 24 or 32 bytes. */
export function gossipKey(bytes: Uint8Array): GossipKey {
  if (!KEY_BYTES.includes(bytes.length)) throw badKey(`has ${bytes.length} bytes`);
  const digest = createHash('sha256').update(bytes).digest();
  return {
    secret: createSecretKey(bytes),
    fingerprint: digest.toString('hex', 0, FINGERPRINT_BYTES),
  };
}

/** A key as an operator writes it, in base64. Throws `invalid_argument`; the message does not repeat the text. */
export function parseGossipKey(text: string): GossipKey {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw badKey('is not base64');
  return gossipKey(bytes);
}

export function keyBytes(key: GossipKey): Uint8Array {
  return key.secret.export();
}

/** The inverse of {@link parseGossipKey}; for the state directory and peers only. */
export function keyText(key: GossipKey): string {
  return key.secret.export().toString('base64');
}

function badKey(why: string): WeftError {
  return new WeftError('invalid_argument', `the key ${why}`, {
    hint: 'make one with: head -c 32 /dev/urandom | base64',
  });
}
