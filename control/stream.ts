/**
 * What travels on TCP. One message each way, told apart by its first byte:
 *
 *   06 {Join,Nodes,UserStateLen} node·Nodes userState      push/pull: the whole member list (memberlist net.go)
 *   00 {…}                                                 ping, answered by an ack
 *   0d {Error}                                             refusal
 *   09 {Algo,Buf}                                          any of these, compressed
 *
 * A push/pull has no length in front: {@link StreamReader} takes bytes as they come and knows when it is complete.
 */
import { ipToBytes } from '../dataplane/address.ts';
import { WeftError } from '../dataplane/errors.ts';
import { ChunkBuffer } from './chunk-buffer.ts';
import { decompress } from './compression.ts';
import {
  MAX_MEMBERS,
  MESSAGE_TYPE,
  STREAM_MAX_BYTES,
  STREAM_NODE_MAX_BYTES,
  USER_STATE_MAX_BYTES,
} from './constants.ts';
import type { DropReason } from './counters.ts';
import type { Endpoint } from './endpoint.ts';
import { Fields } from './fields.ts';
import { decodeMessage, type Message } from './message.ts';
import { MsgpackReader, MsgpackWriter, TruncatedError } from './msgpack.ts';

/** memberlist's `nodeStateType`, by its number on the wire. */
const WIRE_STATES = ['alive', 'suspect', 'dead', 'left'] as const;

export type MemberState = (typeof WIRE_STATES)[number];

/** One member as a push/pull tells of it. */
export interface NodeState extends Endpoint {
  readonly name: string;
  readonly incarnation: number;
  readonly state: MemberState;
  readonly meta: Uint8Array;
  readonly version: Uint8Array;
}

export interface PushPull {
  readonly type: 'pushPull';
  /** The sender is joining, rather than exchanging state now and then. */
  readonly join: boolean;
  readonly nodes: readonly NodeState[];
  /** serf's (serf/user-state.ts); empty if there is none, or too much of it. */
  readonly userState: Uint8Array;
}

/** A refusal in the peer's words. */
interface StreamError {
  readonly type: 'err';
  readonly error: string;
}

/** A stream that is understood but cannot be served, and why. */
interface Unserved {
  readonly type: 'unserved';
  readonly reason: DropReason;
}

export type StreamMessage = PushPull | StreamError | Unserved | Message;

const NOTHING = new Uint8Array(0);

export function encodePushPull({
  join,
  nodes,
  userState = NOTHING,
}: Pick<PushPull, 'join' | 'nodes'> & { readonly userState?: Uint8Array }): Uint8Array {
  const writer = new MsgpackWriter().byte(MESSAGE_TYPE.pushPull);
  writer.map(3).text('Join').flag(join).text('Nodes').unsigned(nodes.length);
  writer.text('UserStateLen').unsigned(userState.length);
  for (const node of nodes) writeNode(writer, node);
  return Buffer.concat([writer.bytes(), userState]);
}

function writeNode(writer: MsgpackWriter, node: NodeState): void {
  writer.map(7).text('Addr').raw(ipToBytes(node.address));
  writer.text('Incarnation').unsigned(node.incarnation).text('Meta').raw(node.meta);
  writer.text('Name').text(node.name).text('Port').unsigned(node.port);
  writer.text('State').unsigned(WIRE_STATES.indexOf(node.state)).text('Vsn').raw(node.version);
}

export function encodeStreamError(error: string): Uint8Array {
  return new MsgpackWriter().byte(MESSAGE_TYPE.err).map(1).text('Error').text(error).bytes();
}

type Stage = 'type' | 'compressed' | 'header' | 'nodes' | 'userState' | 'done';

/** Knows some members by their bytes. */
export interface NodeDecoder {
  /** The members that these bytes begin with, at most so many, and how many bytes they are; undefined: they are to be decoded. */
  recognise(
    bytes: Uint8Array,
    most: number,
  ): { readonly nodes: readonly NodeState[]; readonly length: number } | undefined;
  /** This one was, of these bytes. Returns what to take for it. */
  decoded(node: NodeState, bytes: Uint8Array): NodeState;
}

/**
 * Decodes one message from a stream, piece by piece. Holds at most one incomplete node beyond what it has decoded; of a
 * compressed message, all of it.
 */
export class StreamReader {
  private stage: Stage = 'type';
  private readonly pending = new ChunkBuffer();
  private total = 0;
  private join = false;
  private nodesExpected = 0;
  private userStateBytes = 0;
  private userState: Uint8Array = NOTHING;
  private readonly nodes: NodeState[] = [];
  private readonly decoder: NodeDecoder | undefined;

  /** `nodes`: a simulation of many nodes decodes what all of them say once. */
  constructor(modules: { readonly nodes?: NodeDecoder } = {}) {
    this.decoder = modules.nodes;
  }

  /**
   * Takes the next bytes. Returns the message once it is complete, undefined until then; what comes after it is
   * ignored, as in memberlist. Throws `malformed`, also beyond the size limits.
   */
  push(chunk: Uint8Array): StreamMessage | undefined {
    this.total += chunk.length;
    if (this.total > STREAM_MAX_BYTES) throw new WeftError('malformed', 'stream is too large');
    this.pending.append(chunk);
    try {
      return this.advance();
    } catch (error) {
      if (!(error instanceof TruncatedError)) throw error;
      if (this.pending.length > STREAM_NODE_MAX_BYTES && this.stage !== 'compressed') {
        throw new WeftError('malformed', 'one item of the stream is too large');
      }
      return undefined;
    }
  }

  private advance(): StreamMessage | undefined {
    if (this.stage === 'type') {
      const other = this.readType();
      if (other !== undefined) return other;
    }
    if (this.stage === 'compressed') return this.readCompressed();
    if (this.stage === 'header') this.readHeader();
    while (this.stage === 'nodes') this.readNode();
    if (this.stage === 'userState') this.readUserState();
    if (this.stage !== 'done') return undefined;
    return { type: 'pushPull', join: this.join, nodes: this.nodes, userState: this.userState };
  }

  private readType(): StreamMessage | undefined {
    const bytes = this.pending.view;
    switch (bytes[0]) {
      case undefined:
        throw new TruncatedError();
      case MESSAGE_TYPE.pushPull:
        this.consume(1);
        this.stage = 'header';
        return undefined;
      case MESSAGE_TYPE.ping:
      case MESSAGE_TYPE.ack:
        return decodeMessage(bytes);
      case MESSAGE_TYPE.err:
        return { type: 'err', error: new Fields(new MsgpackReader(bytes, 1)).text('Error') };
      case MESSAGE_TYPE.user:
        return { type: 'unserved', reason: 'userMessage' };
      case MESSAGE_TYPE.compress:
        this.stage = 'compressed';
        return undefined;
      case MESSAGE_TYPE.encrypt:
        return { type: 'unserved', reason: 'encrypted' };
      case MESSAGE_TYPE.label:
        return { type: 'unserved', reason: 'labelled' };
      case MESSAGE_TYPE.indirectPing:
      case MESSAGE_TYPE.suspect:
      case MESSAGE_TYPE.alive:
      case MESSAGE_TYPE.dead:
      case MESSAGE_TYPE.compound:
      case MESSAGE_TYPE.nack:
      case MESSAGE_TYPE.checksum:
        return { type: 'unserved', reason: 'datagramOnly' };
      default:
        return { type: 'unserved', reason: 'unknownType' };
    }
  }

  private readCompressed(): StreamMessage {
    const inner = decompress(this.pending.view, STREAM_MAX_BYTES);
    if (typeof inner === 'string') return { type: 'unserved', reason: inner };
    if (inner[0] === MESSAGE_TYPE.compress) return { type: 'unserved', reason: 'nested' };
    const message = new StreamReader().push(inner);
    if (message === undefined) throw new WeftError('malformed', 'the compressed message is cut short');
    return message;
  }

  private readHeader(): void {
    const reader = new MsgpackReader(this.pending.view);
    const fields = new Fields(reader);
    this.join = fields.flag('Join');
    this.nodesExpected = fields.unsigned('Nodes', MAX_MEMBERS);
    this.userStateBytes = fields.unsigned('UserStateLen', STREAM_MAX_BYTES);
    this.consume(reader.position);
    this.stage = this.nodesExpected === 0 ? 'userState' : 'nodes';
  }

  private readNode(): void {
    const { view } = this.pending;
    const known = this.decoder?.recognise(view, this.nodesExpected - this.nodes.length);
    if (known === undefined) this.decodeNode(view);
    else {
      this.nodes.push(...known.nodes);
      this.consume(known.length);
    }
    if (this.nodes.length === this.nodesExpected) this.stage = 'userState';
  }

  private decodeNode(bytes: Uint8Array): void {
    const reader = new MsgpackReader(bytes);
    const node = nodeOf(new Fields(reader));
    if (reader.position > STREAM_NODE_MAX_BYTES) throw new WeftError('malformed', 'one node is too large');
    this.nodes.push(this.decoder?.decoded(node, bytes.subarray(0, reader.position)) ?? node);
    this.consume(reader.position);
  }

  /** Kept when it is of a likely size; more is counted down and never held. */
  private readUserState(): void {
    if (this.userStateBytes <= USER_STATE_MAX_BYTES) {
      if (this.pending.length < this.userStateBytes) return;
      this.userState = new Uint8Array(this.pending.view.subarray(0, this.userStateBytes));
    }
    const taken = Math.min(this.userStateBytes, this.pending.length);
    this.userStateBytes -= taken;
    this.consume(taken);
    if (this.userStateBytes === 0) this.stage = 'done';
  }

  private consume(count: number): void {
    this.pending.consume(count);
  }
}

function nodeOf(fields: Fields): NodeState {
  const address = fields.address('Addr');
  const state = WIRE_STATES[fields.unsigned('State', WIRE_STATES.length - 1)];
  if (address === undefined || state === undefined) {
    throw new WeftError('malformed', 'node without an address');
  }
  return {
    name: fields.text('Name'),
    address,
    port: fields.unsigned('Port', 0xffff),
    incarnation: fields.unsigned('Incarnation', 0xffff_ffff),
    state,
    meta: fields.bytes('Meta'),
    version: fields.bytes('Vsn'),
  };
}
