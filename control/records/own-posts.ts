/** What this node posts on the board (board.ts). */
import { WeftError } from '../../dataplane/errors.ts';
import { POOL_SCOPE } from './board.ts';
import { BODY_MAX_BYTES, KEY_MAX_BYTES } from './limits.ts';
import type { OwnRecords } from './own-records.ts';
import { NO_BODY, RECORD_KIND } from './record.ts';

export class OwnPosts {
  private readonly own: Pick<OwnRecords, 'find' | 'write'>;

  constructor(modules: { readonly own: Pick<OwnRecords, 'find' | 'write'> }) {
    this.own = modules.own;
  }

  /**
   * Takes the place of what we have posted under this key; undefined: takes it back. Throws `invalid_argument` if it is too long,
   * `unavailable` beyond our quota.
   */
  post(key: string, body: Uint8Array | undefined): void {
    const identity = { kind: RECORD_KIND.post, key: keyOf(key) };
    requireFits(body ?? NO_BODY);
    const known = this.own.find(POOL_SCOPE, identity.kind, identity.key);
    const isThere = known !== undefined && !known.deleted;
    if (body === undefined ? !isThere : isThere && Buffer.compare(known.body, body) === 0) return;
    this.own.write(POOL_SCOPE, { ...identity, body: body ?? NO_BODY, deleted: body === undefined });
  }
}

function keyOf(key: string): Uint8Array {
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length >= 1 && bytes.length <= KEY_MAX_BYTES) return bytes;
  throw new WeftError('invalid_argument', `the key of a post takes 1 to ${KEY_MAX_BYTES} bytes: "${key}"`);
}

function requireFits({ length }: Uint8Array): void {
  if (length <= BODY_MAX_BYTES) return;
  throw new WeftError('invalid_argument', `a post takes at most ${BODY_MAX_BYTES} bytes, not ${length}`);
}
