/**
 * What a node must not forget of itself:
 *
 *   version u8, incarnation u48, registered u8, pledge u48,
 *   spaces: count, for each (prefix, claims: count, (address, owner) …, resting: count, (address, released u48) …)
 *   vote     = version u8, instance, promised, accepted ballot (0: none), value
 *
 * When it was released is told by Clock.bootTime, 0 for one whose rest is over: a wall clock may be set between two processes. Claims of a
 * prefix that is not configured any more are dropped.
 */
import type { Clock } from '../../dataplane/clock.ts';
import { malformed, WireReader, WireWriter } from '../records/wire.ts';
import type { Vote } from './acceptor.ts';
import type { AddressPool } from './address-pool.ts';
import { MAX_COUNT, readBlock, readIncarnation, readList, writeBlock } from './codec.ts';
import type { Incarnation } from './incarnation.ts';
import { VALUE_MAX_BYTES } from './limits.ts';

export interface Identity {
  readonly incarnation: Incarnation;
  /** The council has confirmed this incarnation at least once: if it does not know it any more, it was forgotten. */
  readonly isRegistered: boolean;
  readonly pledge: Incarnation | 0;
}

const VERSION = 1;
const OWNER_MAX_BYTES = 256;
const MAX_ADDRESSES = 1_000_000;
const TIME_BYTES = 6;

export function encodeLocal(
  { incarnation, isRegistered, pledge }: Identity,
  pools: readonly AddressPool[],
  clock: Clock,
): Uint8Array {
  const now = clock.now();
  const startedAt = now - clock.bootTime();
  const writer = new WireWriter().unsigned(VERSION, 1).unsigned(incarnation, 6);
  writer.unsigned(Number(isRegistered), 1).unsigned(pledge, 6).varint(pools.length);
  for (const pool of pools) {
    const { space, claims } = pool;
    const released = pool.released(now);
    writer.text(space.prefix).varint(claims.length);
    for (const { offset, owner } of claims) {
      writeBlock(writer, { offset, bits: 0 });
      writer.text(owner);
    }
    writer.varint(released.length);
    for (const [offset, at] of released) {
      writeBlock(writer, { offset, bits: 0 });
      writer.unsigned(Number.isFinite(at) ? Math.max(1, Math.round(at - startedAt)) : 0, TIME_BYTES);
    }
  }
  return writer.bytes();
}

/** Fills the pools. Throws `malformed`. */
export function decodeLocal(bytes: Uint8Array, pools: readonly AddressPool[], clock: Clock): Identity {
  const reader = begin(bytes);
  const incarnation = readIncarnation(reader);
  const isRegistered = reader.unsigned(1) === 1;
  const pledge = readIncarnation(reader);
  for (let left = reader.varint(255); left > 0; left--) {
    const prefix = reader.text(64);
    const claims = readList(reader, MAX_ADDRESSES, () => ({
      offset: readBlock(reader).offset,
      owner: reader.text(OWNER_MAX_BYTES),
    }));
    const released = readList(reader, MAX_ADDRESSES, (): [bigint, number] => [
      readBlock(reader).offset,
      releasedAt(reader.unsigned(TIME_BYTES), clock),
    ]);
    pools.find(({ space }) => space.prefix === prefix)?.restore(claims, released);
  }
  return { incarnation, isRegistered, pledge };
}

/** No machine has been up for 34 years, in milliseconds; wall clocks have passed them in 2004. */
const WALL_CLOCK = 2 ** 40;

/**
 * By {@link Clock.now}. What is after the present was before the machine has started anew; how long before, nothing that can be
 * trusted tells. So nothing has rested for longer than it seems.
 */
function releasedAt(saved: number, clock: Clock): number {
  if (saved === 0) return Number.NEGATIVE_INFINITY;
  // Of the weft before, by the wall clock: the rest begins anew, once.
  if (saved >= WALL_CLOCK) return clock.now();
  const present = clock.bootTime();
  return clock.now() - (saved <= present ? present - saved : present);
}

export function encodeVote({ instance, promised, accepted }: Vote): Uint8Array {
  const writer = new WireWriter().unsigned(VERSION, 1).varint(instance).varint(promised);
  return writer
    .varint(accepted?.ballot ?? 0)
    .blob(accepted?.value ?? new Uint8Array(0))
    .bytes();
}

/** Throws `malformed`. */
export function decodeVote(bytes: Uint8Array): Vote {
  const reader = begin(bytes);
  const [instance, promised] = [reader.varint(MAX_COUNT), reader.varint(MAX_COUNT)];
  const ballot = reader.varint(promised);
  const value = reader.blob(VALUE_MAX_BYTES);
  return { instance, promised, accepted: ballot === 0 ? undefined : { ballot, value } };
}

function begin(bytes: Uint8Array): WireReader {
  const reader = new WireReader(bytes);
  if (reader.unsigned(1) !== VERSION) throw malformed('saved by another version');
  return reader;
}
