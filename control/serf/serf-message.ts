/**
 * serf's messages: the body of memberlist's user message, a type byte and a msgpack map (serf messages.go). Lamport times
 * are 64 bits there; here they end at 2^48.
 */
import { type IpAddress, ipToBytes } from '../../dataplane/address.ts';
import { WeftError } from '../../dataplane/errors.ts';
import type { Endpoint } from '../endpoint.ts';
import { Fields } from '../fields.ts';
import { MsgpackReader, MsgpackWriter } from '../msgpack.ts';
import { MAX_LAMPORT_TIME } from './lamport.ts';

export const SERF_TYPE = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  keyRequest: 7,
  keyResponse: 8,
} as const;

/** The answerer is to say at once that it has the question. */
export const FLAG_ACK = 1;
/** The question is not to be passed on. */
export const FLAG_NO_BROADCAST = 2;

const MAX_UINT32 = 0xffff_ffff;

/** The filter that names nodes; serf's other one, by the value of a tag, is 1. */
const NODE_FILTER = 0;

/** "`node` means to leave", and its opposite. */
export interface Intent {
  readonly type: 'leave' | 'join';
  readonly time: number;
  readonly node: string;
}

/** What serf's users shout; weft passes it on and has no use for it. */
export interface UserEvent {
  readonly type: 'userEvent';
  readonly time: number;
  readonly name: string;
  readonly payload: Uint8Array;
}

/** A question to the pool. Answers go to the asker directly. */
export interface Query {
  readonly type: 'query';
  readonly time: number;
  readonly id: number;
  readonly asker: Endpoint | undefined;
  readonly askerName: string;
  readonly filters: readonly Uint8Array[];
  readonly flags: number;
  readonly name: string;
  readonly payload: Uint8Array;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface QueryResponse {
  readonly type: 'queryResponse';
  readonly time: number;
  readonly id: number;
  readonly from: string;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export type SerfMessage = Intent | UserEvent | Query | QueryResponse;

/** Undefined for a type that weft does not know. Throws `malformed`. */
export function decodeSerfMessage(body: Uint8Array): SerfMessage | undefined {
  switch (body[0]) {
    case SERF_TYPE.leave:
    case SERF_TYPE.join: {
      const fields = fieldsOf(body);
      const type = body[0] === SERF_TYPE.leave ? 'leave' : 'join';
      return { type, time: timeOf(fields), node: fields.text('Node') };
    }
    case SERF_TYPE.userEvent: {
      const fields = fieldsOf(body);
      return {
        type: 'userEvent',
        time: timeOf(fields),
        name: fields.text('Name'),
        payload: fields.bytes('Payload'),
      };
    }
    case SERF_TYPE.query:
      return queryOf(fieldsOf(body));
    case SERF_TYPE.queryResponse: {
      const fields = fieldsOf(body);
      return {
        type: 'queryResponse',
        time: timeOf(fields),
        id: fields.unsigned('ID', MAX_UINT32),
        from: fields.text('From'),
        flags: fields.unsigned('Flags', MAX_UINT32),
        payload: fields.bytes('Payload'),
      };
    }
    default:
      return undefined;
  }
}

export function encodeSerfMessage(message: Intent | Query | QueryResponse): Uint8Array {
  const writer = new MsgpackWriter().byte(SERF_TYPE[message.type]);
  switch (message.type) {
    case 'leave':
      return writer
        .map(3)
        .text('LTime')
        .unsigned(message.time)
        .text('Node')
        .text(message.node)
        .text('Prune')
        .flag(false)
        .bytes();
    case 'join':
      return writer.map(2).text('LTime').unsigned(message.time).text('Node').text(message.node).bytes();
    case 'query':
      return writeQuery(writer, message);
    case 'queryResponse':
      writer.map(5).text('Flags').unsigned(message.flags).text('From').text(message.from);
      writer.text('ID').unsigned(message.id).text('LTime').unsigned(message.time);
      return writer.text('Payload').raw(message.payload).bytes();
  }
}

function writeQuery(writer: MsgpackWriter, query: Query): Uint8Array {
  const { asker } = query;
  writer.map(11).text('Addr');
  if (asker === undefined) writer.nil();
  else writer.raw(ipToBytes(asker.address));
  writer.text('Filters');
  if (query.filters.length === 0) writer.nil();
  else {
    writer.array(query.filters.length);
    for (const filter of query.filters) writer.raw(filter);
  }
  writer.text('Flags').unsigned(query.flags).text('ID').unsigned(query.id);
  writer.text('LTime').unsigned(query.time).text('Name').text(query.name).text('Payload').raw(query.payload);
  writer
    .text('Port')
    .unsigned(asker?.port ?? 0)
    .text('RelayFactor')
    .unsigned(0);
  // Nanoseconds, as Go has durations.
  writer
    .text('SourceNode')
    .text(query.askerName)
    .text('Timeout')
    .unsigned(Math.round(query.timeout * 1e6));
  return writer.bytes();
}

function queryOf(fields: Fields): Query {
  const address: IpAddress | undefined = fields.address('Addr');
  const port = fields.unsigned('Port', 0xffff);
  return {
    type: 'query',
    time: timeOf(fields),
    id: fields.unsigned('ID', MAX_UINT32),
    asker: address === undefined || port === 0 ? undefined : { address, port },
    askerName: fields.text('SourceNode'),
    filters: fields.rawList('Filters'),
    flags: fields.unsigned('Flags', MAX_UINT32),
    name: fields.text('Name'),
    payload: fields.bytes('Payload'),
    timeout: fields.unsigned('Timeout', Number.MAX_SAFE_INTEGER) / 1e6,
  };
}

/**
 * Whether a question is meant for the node, as far as weft can tell: a filter by tag is a regular expression of
 * somebody else's, which could run for ever, and so never passes.
 */
export function passesFilters(filters: readonly Uint8Array[], node: string): boolean {
  return filters.every(
    filter => filter[0] === NODE_FILTER && new MsgpackReader(filter, 1).textList().includes(node),
  );
}

export interface KeyResponse {
  readonly result: boolean;
  readonly message: string;
  /** In base64. */
  readonly keys: readonly string[];
  readonly primary: string;
}

/** The question that key queries carry; an empty key for a list. */
export function encodeKeyRequest(key: Uint8Array): Uint8Array {
  return new MsgpackWriter().byte(SERF_TYPE.keyRequest).map(1).text('Key').raw(key).bytes();
}

/** Throws `malformed`. */
export function decodeKeyRequest(payload: Uint8Array): Uint8Array {
  if (payload[0] !== SERF_TYPE.keyRequest) throw new WeftError('malformed', 'not a key request');
  return fieldsOf(payload).bytes('Key');
}

export function encodeKeyResponse({ result, message, keys, primary }: KeyResponse): Uint8Array {
  const writer = new MsgpackWriter().byte(SERF_TYPE.keyResponse).map(4).text('Keys');
  if (keys.length === 0) writer.nil();
  else {
    writer.array(keys.length);
    for (const key of keys) writer.text(key);
  }
  writer.text('Message').text(message).text('PrimaryKey').text(primary);
  return writer.text('Result').flag(result).bytes();
}

/** Throws `malformed`. */
export function decodeKeyResponse(payload: Uint8Array): KeyResponse {
  if (payload[0] !== SERF_TYPE.keyResponse) throw new WeftError('malformed', 'not a key response');
  const fields = fieldsOf(payload);
  return {
    result: fields.flag('Result'),
    message: fields.text('Message'),
    keys: fields.textList('Keys'),
    primary: fields.text('PrimaryKey'),
  };
}

function fieldsOf(body: Uint8Array): Fields {
  return new Fields(new MsgpackReader(body, 1));
}

function timeOf(fields: Fields): number {
  return fields.unsigned('LTime', MAX_LAMPORT_TIME);
}
