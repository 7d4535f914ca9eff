/**
 * serf's vote on a name that two agents have (serf.go, resolveNodeConflict): each of them asks everybody where the node of that name
 * is, and whoever is not where the majority says ends. An agent among weft nodes needs their votes: with none it ends by itself.
 */
import { ipToBytes } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { MemberTable } from '../member-table.ts';
import type { Member } from '../members.ts';
import { decodeText, MsgpackWriter } from '../msgpack.ts';
import type { MemberState } from '../stream.ts';
import { decodeTags, type Tags } from '../tags.ts';

export const CONFLICT_QUERY = '_serf_conflict';

/** serf messages.go, messageConflictResponseType. */
const CONFLICT_RESPONSE = 6;

/** serf serf.go, MemberStatus. A suspect is alive to serf. */
const STATUS: Readonly<Record<MemberState, number>> = { alive: 1, suspect: 1, left: 3, dead: 4 };

/** The answer to the question where the node of a name is; undefined if we do not know it, or it is ourselves. */
export function answerConflict(
  table: Pick<MemberTable, 'get'>,
  self: string,
  payload: Uint8Array,
): Uint8Array | undefined {
  const name = nameOf(payload);
  const member = name === undefined || name === self ? undefined : table.get(name);
  return member === undefined ? undefined : encodeConflictResponse(member);
}

/** serf's Member, its fields in the order of their names. */
export function encodeConflictResponse({ name, address, port, state, meta, version }: Member): Uint8Array {
  const [protocolMin = 0, protocolMax = 0, protocol = 0, delegateMin = 0, delegateMax = 0, delegate = 0] =
    version;
  const writer = new MsgpackWriter().byte(CONFLICT_RESPONSE).map(11);
  writer.text('Addr').raw(ipToBytes(address));
  writer.text('DelegateCur').unsigned(delegate).text('DelegateMax').unsigned(delegateMax);
  writer.text('DelegateMin').unsigned(delegateMin).text('Name').text(name).text('Port').unsigned(port);
  writer.text('ProtocolCur').unsigned(protocol).text('ProtocolMax').unsigned(protocolMax);
  writer.text('ProtocolMin').unsigned(protocolMin).text('Status').unsigned(STATUS[state]);
  const tags = tagsOf(meta);
  writer.text('Tags').map(tags.size);
  for (const [key, value] of tags) writer.text(key).text(value);
  return writer.bytes();
}

function nameOf(payload: Uint8Array): string | undefined {
  return whole(() => decodeText(payload));
}

function tagsOf(meta: Uint8Array): Tags {
  return whole(() => decodeTags(meta)) ?? new Map();
}

function whole<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof WeftError) return undefined;
    throw error;
  }
}
