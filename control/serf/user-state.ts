/**
 * What serf adds to a push/pull: its clocks, so that who joins speaks and hears in the pool's time (serf delegate.go,
 * messagePushPull).
 *
 *   02 {EventLTime, Events, LTime, LeftMembers, QueryLTime, StatusLTimes}
 */
import { WeftError } from '../../dataplane/errors.ts';
import { Fields } from '../fields.ts';
import { MsgpackReader, MsgpackWriter } from '../msgpack.ts';
import { MAX_LAMPORT_TIME } from './lamport.ts';
import { SERF_TYPE } from './serf-message.ts';

export interface ClockTimes {
  /** Of intents to join and to leave. */
  readonly member: number;
  readonly event: number;
  readonly query: number;
}

/** weft remembers neither events nor intents, and says so. */
export function encodeUserState({ member, event, query }: ClockTimes): Uint8Array {
  const writer = new MsgpackWriter().byte(SERF_TYPE.pushPull).map(6);
  writer.text('EventLTime').unsigned(event).text('Events').nil();
  writer.text('LTime').unsigned(member).text('LeftMembers').nil();
  return writer.text('QueryLTime').unsigned(query).text('StatusLTimes').map(0).bytes();
}

/** Undefined if it is not serf's. */
export function decodeUserState(bytes: Uint8Array): ClockTimes | undefined {
  if (bytes[0] !== SERF_TYPE.pushPull) return undefined;
  try {
    const fields = new Fields(new MsgpackReader(bytes, 1));
    return {
      member: fields.unsigned('LTime', MAX_LAMPORT_TIME),
      event: fields.unsigned('EventLTime', MAX_LAMPORT_TIME),
      query: fields.unsigned('QueryLTime', MAX_LAMPORT_TIME),
    };
  } catch (error) {
    if (error instanceof WeftError) return undefined;
    throw error;
  }
}
