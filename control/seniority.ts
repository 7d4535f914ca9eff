/**
 * Which of two nodes of one name keeps it. memberlist has no such message: a weft node that is pinged by somebody of
 * its own name says in the payload of the ack, which is free for such use, how old its right to the name is.
 *
 *   57 {ConfirmedMs, Instance, UptimeMs}      0x57 is "W"; serf's own payloads begin with 01
 */
import { WeftError } from '../dataplane/errors.ts';
import { Fields } from './fields.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';

const PAYLOAD_MAGIC = 0x57;

export interface Seniority {
  /** Milliseconds since a peer first knew us by our name at our address; 0 if none has yet. */
  readonly confirmedMs: number;
  /** Milliseconds since our start. */
  readonly uptimeMs: number;
  /** Drawn at start: the same one means that we have met ourselves at another of our addresses. */
  readonly instance: number;
}

export function encodeSeniority(seniority: Seniority): Uint8Array {
  const writer = new MsgpackWriter().byte(PAYLOAD_MAGIC).map(3);
  writer.text('ConfirmedMs').unsigned(seniority.confirmedMs);
  writer.text('Instance').unsigned(seniority.instance);
  writer.text('UptimeMs').unsigned(seniority.uptimeMs);
  return writer.bytes();
}

/** Undefined if the payload is another one's, such as serf's network coordinate. */
export function decodeSeniority(payload: Uint8Array | null): Seniority | undefined {
  if (payload === null || payload[0] !== PAYLOAD_MAGIC) return undefined;
  try {
    const fields = new Fields(new MsgpackReader(payload, 1));
    return {
      confirmedMs: fields.unsigned('ConfirmedMs', Number.MAX_SAFE_INTEGER),
      uptimeMs: fields.unsigned('UptimeMs', Number.MAX_SAFE_INTEGER),
      instance: fields.unsigned('Instance', 0xffff_ffff),
    };
  } catch (error) {
    if (error instanceof WeftError) return undefined;
    throw error;
  }
}

/**
 * Whether the other one has the older right: first whom the pool has known for longer, then who has been up for
 * longer. `theirs` was true a moment ago and `ours` is now, so that of two nodes that ask each other never both yield;
 * two that started within one network delay of each other both stay, and say so in their logs.
 * A peer that does not tell (serf) has the older right unless the pool has confirmed us.
 */
export function isSenior(theirs: Seniority | undefined, ours: Seniority): boolean {
  if (theirs === undefined) return ours.confirmedMs === 0;
  if (theirs.confirmedMs !== ours.confirmedMs) return theirs.confirmedMs > ours.confirmedMs;
  return theirs.uptimeMs > ours.uptimeMs;
}
