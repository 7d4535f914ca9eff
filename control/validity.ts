/** Whether news that parses can be meant: checked before it is believed, kept or passed on. */
import {
  MAX_INCARNATION,
  META_MAX_BYTES,
  NAME_MAX_BYTES,
  PROTOCOL_VERSION,
  SPOKEN_PROTOCOL,
} from './constants.ts';
import type { DropReason } from './counters.ts';
import { isUsable } from './endpoint.ts';
import type { Alive } from './message.ts';

/** Names are shown in terminals and logs: no control characters. */
export function refuseName(name: string): DropReason | undefined {
  if (name === '' || Buffer.byteLength(name) > NAME_MAX_BYTES || /\p{Cc}/u.test(name)) return 'badName';
  return undefined;
}

/** The versions of a node we can live with: six bytes, and the range of the first two holds what we speak. */
function refuseVersion(version: Uint8Array): DropReason | undefined {
  const [lowest = 0, highest = 0] = version;
  // What we believe we pass on, and a version of another length kills memberlist 0.2.2.
  if (version.length !== PROTOCOL_VERSION.length) return 'version';
  return lowest <= SPOKEN_PROTOCOL && SPOKEN_PROTOCOL <= highest ? undefined : 'version';
}

export function refuseAlive(news: Omit<Alive, 'type'>): DropReason | undefined {
  if (!isUsable(news)) return 'badAddress';
  if (news.incarnation >= MAX_INCARNATION) return 'badIncarnation';
  if (news.meta.length > META_MAX_BYTES) return 'badMeta';
  return refuseName(news.node) ?? refuseVersion(news.version);
}
