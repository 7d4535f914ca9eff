/**
 * One malformed or strange input, and what becomes of it. The tables beside this file list them by family; the drivers
 * (malformed-*.test.ts) deliver each one whole, cut at each byte, with each of the first 128 bytes damaged, twice in one
 * batch, and between two good ones.
 *
 * A VTEP is a bridge: what an Ethernet frame carries is for the receiving host to judge, and goes through byte for byte,
 * however wrong. `delivered` says so; it also says that nothing was merged, cut, completed or repaired on the way.
 */
import type { MacAddress, Vni } from '../address.ts';
import type { DropReason } from '../drop-reasons.ts';
import { concat, STATION_A, STATION_B, vxlanPayload } from '../testing/frames.ts';

export const BLUE = 42 as Vni;

/** From the peer's container to ours. */
export const INWARD = { from: STATION_B, to: STATION_A };
/** From our container to the peer's. */
export const OUTWARD = { from: STATION_A, to: STATION_B };

/** Who sent the datagram: a VTEP of the network, a stranger, a known VTEP outside the network, or we ourselves. */
export type Sender = 'peer' | 'stranger' | 'elsewhere' | 'self';

/** What a VXLAN socket receives. */
export interface DatagramRow {
  readonly family: string;
  readonly name: string;
  /** The payload of the outer UDP datagram. */
  readonly datagram: Uint8Array;
  /** Delivered to the container byte for byte, or dropped: the one counter that says so. */
  readonly verdict: 'delivered' | DropReason;
  /** @default 'peer' */
  readonly sender?: Sender;
  /** Of the outer header. @default 0 */
  readonly tos?: number;
  /** What the container gets, where it is not the frame as it came. */
  readonly instead?: Uint8Array;
}

/** A row for a frame that comes in the right encapsulation. */
export function inner(
  family: string,
  name: string,
  frame: Uint8Array,
  verdict: DatagramRow['verdict'] = 'delivered',
  options: Partial<DatagramRow> = {},
): DatagramRow {
  return { family, name, datagram: vxlanPayload(BLUE, frame), verdict, ...options };
}

/** A copy with bytes overwritten: [offset, value …] each. */
export function edited(bytes: Uint8Array, ...edits: readonly (readonly number[])[]): Uint8Array {
  const copy = concat(bytes);
  for (const [at = 0, ...values] of edits) copy.set(values, at);
  return copy;
}

/** A copy with other Ethernet addresses. */
export function addressed(frame: Uint8Array, destination: number, source?: number): Uint8Array {
  const copy = Buffer.from(concat(frame));
  copy.writeUIntBE(destination, 0, 6);
  if (source !== undefined) copy.writeUIntBE(source, 6, 6);
  return copy;
}

export const OUR_MAC: MacAddress = STATION_A.mac;
