/**
 * The keys of the pool, and what is sealed with them: AES-GCM as memberlist has it (security.go).
 *
 *   version(1) nonce(12) ciphertext tag(16)      version 1; version 0 pads the plain text to 16 bytes (PKCS #7)
 *
 * Whatever is sent is sealed with the primary key in version 1; what arrives may be sealed with any of them. That is how
 * a pool changes its key without a gap: everybody learns the new one, then uses it, then forgets the old one.
 *
 * It proves that the sender has a key, not who it is, and not that it is said for the first time: whoever records a
 * datagram can send it again. Membership bears that, for old news loses against newer. Nonces are random: of 2^32 messages
 * under one key two share a nonce with a probability of 2^-33 (NIST SP 800-38D section 8.3), so keys are to be changed.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { WeftError } from '../dataplane/errors.ts';
import type { GossipKey } from './gossip-key.ts';
import { type NonceSource, systemNonce } from './random.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/** What sealing adds, in bytes. */
export const SEAL_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/** Each datagram that does not open is tried with all keys: more would make junk expensive. */
export const MAX_KEYS = 16;

const NOTHING = new Uint8Array(0);

export interface KeyringModules {
  readonly nonce?: NonceSource;
  readonly save?: (keys: readonly GossipKey[]) => void;
}

export class Keyring {
  private keys: readonly GossipKey[];
  private readonly nonce: NonceSource;
  private readonly save: (keys: readonly GossipKey[]) => void;

  /**
   * The first key is the primary one. `save` is called before each change with the keys to come; when it throws, nothing
   * is changed. Throws `invalid_argument` for no key, `conflict` for more than {@link MAX_KEYS}.
   */
  constructor(keys: readonly GossipKey[], modules: KeyringModules = {}) {
    const unique = new Map(keys.map(key => [key.fingerprint, key]));
    this.keys = [...unique.values()];
    this.nonce = modules.nonce ?? systemNonce;
    this.save = modules.save ?? (() => undefined);
    if (this.keys.length === 0) throw new WeftError('invalid_argument', 'a keyring needs a key');
    if (this.keys.length > MAX_KEYS) throw tooMany();
  }

  /** The primary key first. */
  all(): readonly GossipKey[] {
    return this.keys;
  }

  get primary(): GossipKey {
    const [first] = this.keys;
    if (first === undefined) throw new WeftError('system', 'the keyring is empty');
    return first;
  }

  find(fingerprint: string): GossipKey | undefined {
    return this.keys.find(key => key.fingerprint === fingerprint);
  }

  /** From now on what is sealed with it opens. A key that is there already is no change. Throws `conflict` when full. */
  add(key: GossipKey): void {
    if (this.find(key.fingerprint) !== undefined) return;
    if (this.keys.length >= MAX_KEYS) throw tooMany();
    this.change([...this.keys, key]);
  }

  /** From now on it seals. Throws `not_found` for a key that was not added. */
  use(key: GossipKey): void {
    if (this.find(key.fingerprint) === undefined) {
      throw new WeftError('not_found', `key ${key.fingerprint} is not in the keyring`, {
        hint: 'add it first',
      });
    }
    if (key.fingerprint === this.primary.fingerprint) return;
    this.change([key, ...this.without(key)]);
  }

  /** Forgets it; one that is not there is no change. Throws `conflict` for the primary key. */
  remove(key: GossipKey): void {
    if (key.fingerprint === this.primary.fingerprint) {
      throw new WeftError('conflict', `key ${key.fingerprint} is in use`, { hint: 'use another one first' });
    }
    if (this.find(key.fingerprint) !== undefined) this.change(this.without(key));
  }

  /** Seals with the primary key; `aad` is not in the result, but opening needs it. */
  seal(plain: Uint8Array, aad: Uint8Array = NOTHING): Uint8Array {
    const nonce = this.nonce();
    const cipher = createCipheriv(algorithmOf(this.primary), this.primary.secret, nonce);
    if (aad.length > 0) cipher.setAAD(aad);
    const sealed = cipher.update(plain);
    return Buffer.concat([Uint8Array.of(1), nonce, sealed, cipher.final(), cipher.getAuthTag()]);
  }

  /** The plain text, or undefined if no key opens it. */
  open(bytes: Uint8Array, aad: Uint8Array = NOTHING): Uint8Array | undefined {
    const version = bytes[0];
    if (bytes.length < SEAL_BYTES || (version !== 0 && version !== 1)) return undefined;
    for (const key of this.keys) {
      const plain = openWith(key, bytes, aad);
      if (plain !== undefined) return version === 0 ? unpadded(plain) : plain;
    }
    return undefined;
  }

  private without(key: GossipKey): readonly GossipKey[] {
    return this.keys.filter(({ fingerprint }) => fingerprint !== key.fingerprint);
  }

  private change(keys: readonly GossipKey[]): void {
    this.save(keys);
    this.keys = keys;
  }
}

function algorithmOf({ secret }: GossipKey): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' {
  if (secret.symmetricKeySize === 16) return 'aes-128-gcm';
  return secret.symmetricKeySize === 24 ? 'aes-192-gcm' : 'aes-256-gcm';
}

function openWith(key: GossipKey, bytes: Uint8Array, aad: Uint8Array): Uint8Array | undefined {
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
  const tagAt = bytes.length - TAG_BYTES;
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv(algorithmOf(key), key.secret, nonce, options);
  if (aad.length > 0) decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(tagAt));
  const plain = decipher.update(bytes.subarray(1 + NONCE_BYTES, tagAt));
  try {
    decipher.final();
    return plain;
  } catch {
    // The tag does not match; Node has no other way to say it.
    return undefined;
  }
}

/** PKCS #7 (RFC 5652 section 6.3). */
function unpadded(plain: Uint8Array): Uint8Array | undefined {
  const padding = plain.at(-1) ?? 0;
  if (padding < 1 || padding > BLOCK_BYTES || padding > plain.length) return undefined;
  return plain.subarray(0, plain.length - padding);
}

function tooMany(): WeftError {
  return new WeftError('conflict', `the keyring is full: it holds ${MAX_KEYS} keys`, {
    hint: 'remove one that is not used any more',
  });
}
