/** Does to our keyring what a member of the pool asks for, by serf's own queries (serf internal_query.go). */
import { WeftError } from '../../dataplane/errors.ts';
import { gossipKey, keyText } from '../gossip-key.ts';
import type { Keyring } from '../keyring.ts';
import type { Log } from '../log.ts';
import { decodeKeyRequest, encodeKeyResponse, type KeyResponse } from './serf-message.ts';

export const KEY_OPERATIONS = ['list', 'add', 'use', 'remove'] as const;
export type KeyOperation = (typeof KEY_OPERATIONS)[number];

/** The name of the query for each. */
export const KEY_QUERIES: Readonly<Record<KeyOperation, string>> = {
  list: '_serf_list-keys',
  add: '_serf_install-key',
  use: '_serf_use-key',
  remove: '_serf_remove-key',
};

const CHANGES: Readonly<Record<Exclude<KeyOperation, 'list'>, string>> = {
  add: 'a gossip key was added',
  use: 'another gossip key is used',
  remove: 'a gossip key was removed',
};

export class KeyAgent {
  private readonly keyring: Keyring | undefined;
  private readonly log: Log;

  constructor(modules: { readonly keyring: Keyring | undefined; readonly log: Log }) {
    this.keyring = modules.keyring;
    this.log = modules.log;
  }

  /** The answer to a query; undefined if it is not about keys. */
  answer(query: string, payload: Uint8Array): Uint8Array | undefined {
    const operation = KEY_OPERATIONS.find(candidate => KEY_QUERIES[candidate] === query);
    return operation === undefined ? undefined : encodeKeyResponse(this.respond(operation, payload));
  }

  /** Throws what Keyring throws, `invalid_argument` for what is no key, `unavailable` without a keyring. */
  apply(operation: KeyOperation, bytes: Uint8Array): void {
    if (this.keyring === undefined) throw noKeyring();
    if (operation === 'list') return;
    const key = gossipKey(bytes);
    const before = this.keyring.all();
    this.keyring[operation](key);
    const { fingerprint } = key;
    if (this.keyring.all() !== before) this.log.info({ fingerprint }, CHANGES[operation]);
  }

  private respond(operation: KeyOperation, payload: Uint8Array): KeyResponse {
    const failed = (message: string): KeyResponse => ({ result: false, message, keys: [], primary: '' });
    try {
      this.apply(operation, decodeKeyRequest(payload));
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      this.log.warn({ reason: error.message }, 'a change of gossip keys was not made');
      return failed(error.message);
    }
    if (operation !== 'list' || this.keyring === undefined) return { ...failed(''), result: true };
    return {
      result: true,
      message: '',
      keys: this.keyring.all().map(keyText),
      primary: keyText(this.keyring.primary),
    };
  }
}

export function noKeyring(): WeftError {
  return new WeftError('unavailable', 'gossip is not encrypted on this node', {
    hint: 'set gossip.key in the configuration of every node',
  });
}
