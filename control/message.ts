/**
 * The messages of memberlist's protocol and their bytes: a type byte, then one msgpack map whose keys are the field
 * names of memberlist's Go structs (net.go). What travels on streams only is in stream.ts.
 */
import { type IpAddress, ipToBytes } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { MESSAGE_TYPE } from './constants.ts';
import type { Endpoint } from './endpoint.ts';
import { Fields } from './fields.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';

const MAX_UINT32 = 0xffff_ffff;

/** Who asks, and where the answer goes. */
export interface Source extends Endpoint {
  readonly node: string;
}

/** "Are you there?" (SWIM section 3.1). `node` is the name of who is meant; empty: whoever is there. */
export interface Ping {
  readonly type: 'ping';
  readonly sequence: number;
  readonly node: string;
  /** Without it the answer goes to where the datagram came from. */
  readonly source: Source | undefined;
}

/** "Ping `node` for me" (SWIM section 3.1, ping-req). */
export interface IndirectPing {
  readonly type: 'indirectPing';
  readonly sequence: number;
  readonly target: IpAddress;
  readonly port: number;
  readonly node: string;
  /** Send a nack if the target does not answer in time. */
  readonly nack: boolean;
  readonly source: Source | undefined;
}

export interface Ack {
  readonly type: 'ack';
  readonly sequence: number;
  readonly payload: Uint8Array | null;
}

/** "I am there, but the node you asked me to ping did not answer me" (Lifeguard section IV-A). */
export interface Nack {
  readonly type: 'nack';
  readonly sequence: number;
}

/** "`from` suspects `node`" (SWIM section 4.2). */
export interface Suspect {
  readonly type: 'suspect';
  readonly node: string;
  readonly incarnation: number;
  readonly from: string;
}

/** "`node` is alive, at this address, with this metadata" (SWIM section 4.2). */
export interface Alive extends Endpoint {
  readonly type: 'alive';
  readonly node: string;
  readonly incarnation: number;
  readonly meta: Uint8Array;
  /** Six bytes: the lowest, highest and current protocol version, and the same of the delegate (serf). */
  readonly version: Uint8Array;
}

/** "`node` is dead" (SWIM section 4.2, confirm); from the node itself it means that it leaves. */
export interface Dead {
  readonly type: 'dead';
  readonly node: string;
  readonly incarnation: number;
  readonly from: string;
}

/** Of the layer above: serf's. */
export interface UserMessage {
  readonly type: 'user';
  readonly body: Uint8Array;
}

export type Message = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | UserMessage;

/** The message with its type byte. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new MsgpackWriter().byte(MESSAGE_TYPE[message.type]);
  switch (message.type) {
    case 'ping':
      writer.map(2 + sourceFields(message.source));
      writer.text('Node').text(message.node).text('SeqNo').unsigned(message.sequence);
      writeSource(writer, message.source);
      break;
    case 'indirectPing':
      writer.map(5 + sourceFields(message.source));
      writer.text('Nack').flag(message.nack).text('Node').text(message.node);
      writer.text('Port').unsigned(message.port).text('SeqNo').unsigned(message.sequence);
      writeSource(writer, message.source);
      writer.text('Target').raw(ipToBytes(message.target));
      break;
    case 'ack':
      writer.map(2).text('Payload');
      if (message.payload === null) writer.nil();
      else writer.raw(message.payload);
      writer.text('SeqNo').unsigned(message.sequence);
      break;
    case 'nack':
      writer.map(1).text('SeqNo').unsigned(message.sequence);
      break;
    case 'suspect':
    case 'dead':
      writer.map(3).text('From').text(message.from);
      writer.text('Incarnation').unsigned(message.incarnation).text('Node').text(message.node);
      break;
    case 'alive':
      writer.map(6).text('Addr').raw(ipToBytes(message.address));
      writer.text('Incarnation').unsigned(message.incarnation).text('Meta').raw(message.meta);
      writer.text('Node').text(message.node).text('Port').unsigned(message.port);
      writer.text('Vsn').raw(message.version);
      break;
    case 'user':
      return Buffer.concat([Uint8Array.of(MESSAGE_TYPE.user), message.body]);
  }
  return writer.bytes();
}

/** SourceAddr, SourceNode and SourcePort are `omitempty` in memberlist. */
function sourceFields(source: Source | undefined): number {
  if (source === undefined) return 0;
  return source.node === '' ? 2 : 3;
}

function writeSource(writer: MsgpackWriter, source: Source | undefined): void {
  if (source === undefined) return;
  writer.text('SourceAddr').raw(ipToBytes(source.address));
  if (source.node !== '') writer.text('SourceNode').text(source.node);
  writer.text('SourcePort').unsigned(source.port);
}

/**
 * Decodes one message, type byte first; bytes after it are ignored, as in memberlist. Returns undefined for a type
 * that is not one of {@link Message}. Throws `malformed`.
 */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const type = bytes[0];
  if (type === undefined) throw new WeftError('malformed', 'message is empty');
  if (type === MESSAGE_TYPE.user) return { type: 'user', body: new Uint8Array(bytes.subarray(1)) };
  const name = DATAGRAM_TYPES.get(type);
  return name === undefined ? undefined : decodeBody(name, new Fields(new MsgpackReader(bytes, 1)));
}

/** Those whose body is one map. */
type MapMessage = Exclude<Message['type'], 'user'>;

const DATAGRAM_TYPES: ReadonlyMap<number, MapMessage> = new Map(
  (['ping', 'indirectPing', 'ack', 'nack', 'suspect', 'alive', 'dead'] as const).map(name => [
    MESSAGE_TYPE[name],
    name,
  ]),
);

function decodeBody(type: MapMessage, fields: Fields): Message {
  switch (type) {
    case 'ping':
      return { type, sequence: sequenceOf(fields), node: fields.text('Node'), source: sourceOf(fields) };
    case 'indirectPing': {
      const target = fields.address('Target');
      if (target === undefined) throw new WeftError('malformed', 'indirect ping without a target');
      return {
        type,
        sequence: sequenceOf(fields),
        target,
        port: fields.unsigned('Port', 0xffff),
        node: fields.text('Node'),
        nack: fields.flag('Nack'),
        source: sourceOf(fields),
      };
    }
    case 'ack':
      return { type, sequence: sequenceOf(fields), payload: fields.bytesOrNull('Payload') };
    case 'nack':
      return { type, sequence: sequenceOf(fields) };
    case 'suspect':
    case 'dead':
      return {
        type,
        node: fields.text('Node'),
        incarnation: incarnationOf(fields),
        from: fields.text('From'),
      };
    case 'alive': {
      const address = fields.address('Addr');
      if (address === undefined) throw new WeftError('malformed', 'alive without an address');
      return {
        type,
        node: fields.text('Node'),
        address,
        port: fields.unsigned('Port', 0xffff),
        incarnation: incarnationOf(fields),
        meta: fields.bytes('Meta'),
        version: fields.bytes('Vsn'),
      };
    }
  }
}

function sequenceOf(fields: Fields): number {
  return fields.unsigned('SeqNo', MAX_UINT32);
}

function incarnationOf(fields: Fields): number {
  return fields.unsigned('Incarnation', MAX_UINT32);
}

function sourceOf(fields: Fields): Source | undefined {
  const address = fields.address('SourceAddr');
  const port = fields.unsigned('SourcePort', 0xffff);
  const node = fields.text('SourceNode');
  return address === undefined || port === 0 ? undefined : { address, port, node };
}
