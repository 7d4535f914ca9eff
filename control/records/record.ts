/**
 * What a node says of one network it carries, or to the whole pool. A record has a kind, a key within its log and a body:
 *
 *   kind 1  vtep      key: none        body: address, UDP port
 *   kind 2  network   key: none        body: none
 *   kind 3  endpoint  key: MAC, 6 B    body: flags u8, mobility u32, addresses, interface, container id, time u48, names
 *   kind 4  post      key: UTF-8       body: whatever its readers agree on (board.ts)
 *
 * The first three are in the log of the network (VNI): whoever has a part of it has what that part depends on, or waits for it
 * in the same log. Of a deleted endpoint the body keeps the mobility counter. Bodies may grow at their end: what comes after the known fields
 * is ignored, kept and passed on, as are kinds that this version does not know.
 */
import type { IpAddress, MacAddress, VtepAddress } from '../../dataplane/address.ts';
import {
  CONTAINER_MAX_BYTES,
  ENDPOINT_MAX_IPS,
  ENDPOINT_MAX_NAMES,
  INTERFACE_MAX_BYTES,
  NAME_MAX_BYTES,
} from './limits.ts';
import { malformed, WireReader, WireWriter } from './wire.ts';

export const RECORD_KIND = { vtep: 1, network: 2, endpoint: 3, post: 4 } as const;

/** A record as it is kept and passed on. Kind and key together are its identity within a log. */
export interface LogRecord {
  /** Position in the log of its origin: 1 and up, never used twice within an epoch. */
  readonly seq: number;
  /** 0 … 255. */
  readonly kind: number;
  readonly key: Uint8Array;
  readonly body: Uint8Array;
  /** A tombstone. Only the origin writes it, as any version. */
  readonly deleted: boolean;
}

/** Where the frames for an origin's endpoints are sent. */
export interface VtepRecord {
  readonly address: VtepAddress;
  readonly port: number;
}

export interface EndpointRecord {
  readonly ips: readonly IpAddress[];
  /** The name inside the container. */
  readonly interface: string;
  readonly containerId: string;
  /** MAC mobility sequence number (RFC 7432 section 7.7): the higher one is where the address is. */
  readonly mobility: number;
  /** Must not move (RFC 7432 section 7.7, static). */
  readonly sticky: boolean;
  /** It has moved too often and is held where it is (RFC 7432 section 15.1). */
  readonly frozen: boolean;
  /** When it was claimed, by the wall clock of its origin in milliseconds: for measuring, never for deciding. Undefined: not told. */
  readonly claimedAt?: number | undefined;
  /** Under which others find it: labels of DNS in lower case, the first one is what its addresses are called. Undefined: none. */
  readonly names?: readonly string[] | undefined;
}

export const MAX_MOBILITY = 0xffff_ffff;

/** Of `claimedAt`: enough for 8,900 years. */
const TIME_BYTES = 6;

const STICKY = 1;
const FROZEN = 2;
const EMPTY = new Uint8Array(0);

export const NO_KEY: Uint8Array = EMPTY;
export const NO_BODY: Uint8Array = EMPTY;

/** Identity of a record within its log, as a map key. */
export function recordId({ kind, key }: { readonly kind: number; readonly key: Uint8Array }): string {
  return String.fromCharCode(kind, ...key);
}

export function macKey(mac: MacAddress): Uint8Array {
  return new WireWriter().unsigned(mac, 6).bytes();
}

/** Throws `malformed`. */
export function macOfKey(key: Uint8Array): MacAddress {
  if (key.length !== 6) throw malformed('the key of an endpoint is a MAC address');
  return new WireReader(key).unsigned(6) as MacAddress;
}

export function encodeVtep({ address, port }: VtepRecord): Uint8Array {
  return new WireWriter().ip(address).unsigned(port, 2).bytes();
}

/** Throws `malformed`. */
export function decodeVtep(body: Uint8Array): VtepRecord {
  const reader = new WireReader(body);
  const record = { address: reader.ip(), port: reader.unsigned(2) };
  if (record.port === 0) throw malformed('a VTEP at port 0');
  return record;
}

export function encodeEndpoint(record: EndpointRecord): Uint8Array {
  const flags = (record.sticky ? STICKY : 0) | (record.frozen ? FROZEN : 0);
  const writer = new WireWriter().unsigned(flags, 1).unsigned(record.mobility, 4).varint(record.ips.length);
  for (const ip of record.ips) writer.ip(ip);
  writer.text(record.interface).text(record.containerId);
  const { claimedAt, names = [] } = record;
  // Names are behind the time. The beginning of 1970 measures nothing.
  if (claimedAt !== undefined || names.length > 0) writer.unsigned(claimedAt ?? 0, TIME_BYTES);
  if (names.length > 0) writer.varint(names.length);
  for (const name of names) writer.text(name);
  return writer.bytes();
}

/** Throws `malformed`. Flags of later versions are ignored. */
export function decodeEndpoint(body: Uint8Array): EndpointRecord {
  const reader = new WireReader(body);
  const flags = reader.unsigned(1);
  const mobility = reader.unsigned(4);
  const ips = Array.from({ length: reader.varint(ENDPOINT_MAX_IPS) }, () => reader.ip());
  const record = {
    ips,
    interface: reader.text(INTERFACE_MAX_BYTES),
    containerId: reader.text(CONTAINER_MAX_BYTES),
    mobility,
    sticky: (flags & STICKY) !== 0,
    frozen: (flags & FROZEN) !== 0,
  };
  if (reader.remaining < TIME_BYTES) return record;
  const timed = { ...record, claimedAt: reader.unsigned(TIME_BYTES) };
  if (reader.remaining === 0) return timed;
  const names = Array.from({ length: reader.varint(ENDPOINT_MAX_NAMES) }, () => reader.text(NAME_MAX_BYTES));
  return names.length === 0 ? timed : { ...timed, names };
}

/** The body of an endpoint's tombstone. */
export function encodeGone(mobility: number): Uint8Array {
  return encodeEndpoint({ ips: [], interface: '', containerId: '', mobility, sticky: false, frozen: false });
}
