/**
 * A datagram's worth of news: how far the sender's own log has come, and the hash of all it has. It may be lost, doubled
 * or forged without harm: whoever is behind asks on a stream. It is carried by whatever is at hand (an ack's payload,
 * a user message), to peers whose tags say that they have a record log.
 *
 *   version u8, ~n × (vni u24, epoch u64, ~seq, hash u64)
 */
import type { Vni } from '../../dataplane/address.ts';
import { parseVni } from '../../dataplane/address.ts';
import { POOL_SCOPE } from './board.ts';
import { type Epoch, epochCounter, epochRandom } from './epoch.ts';
import type { Hash } from './frame.ts';
import { MAX_EPOCH_COUNTER, MAX_SEQUENCE, RECORDS_VERSION } from './limits.ts';
import { malformed, WireReader, WireWriter } from './wire.ts';

/** VNIs of one hint: 16 take 400 bytes. */
export const HINT_MAX_SCOPES = 16;

export interface HintedScope {
  readonly vni: Vni;
  readonly epoch: Epoch;
  readonly seq: number;
  readonly hash: Hash;
}

export function encodeHint(scopes: readonly HintedScope[]): Uint8Array {
  const writer = new WireWriter().unsigned(RECORDS_VERSION, 1).varint(scopes.length);
  for (const { vni, epoch, seq, hash } of scopes) {
    writer.unsigned(vni, 3).unsigned(epochCounter(epoch), 4).unsigned(epochRandom(epoch), 4).varint(seq);
    writer.unsigned(hash[0], 4).unsigned(hash[1], 4);
  }
  return writer.bytes();
}

/** Throws `malformed`. A hint of another version is empty. */
export function decodeHint(bytes: Uint8Array): readonly HintedScope[] {
  const reader = new WireReader(bytes);
  if (reader.unsigned(1) !== RECORDS_VERSION) return [];
  return Array.from({ length: reader.varint(HINT_MAX_SCOPES) }, () => {
    const vni = reader.unsigned(3);
    const counter = reader.unsigned(4);
    if (counter > MAX_EPOCH_COUNTER) throw malformed('a hint out of range');
    const epoch = (counter * 2 ** 32 + reader.unsigned(4)) as Epoch;
    const seq = reader.varint(MAX_SEQUENCE);
    const scope = vni === POOL_SCOPE ? POOL_SCOPE : parseVni(vni);
    return { vni: scope, epoch, seq, hash: [reader.unsigned(4), reader.unsigned(4)] as const };
  });
}
