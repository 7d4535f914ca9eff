/**
 * What many nodes of a simulation hear alike is decoded once and held once: a pool of a thousand nodes has a million members, and as
 * many copies of each record as the network has nodes. Nodes never change what they have decoded, so they cannot tell.
 */
import { MESSAGE_TYPE } from '../constants.ts';
import { decodeMessage, type Message } from '../message.ts';
import { decodeFrame, type Frame } from '../records/frame.ts';
import type { LogRecord } from '../records/record.ts';
import type { NodeState } from '../stream.ts';
import { KnownNodes } from './known-nodes.ts';

/** Things that are remembered before all are forgotten: more than a pool has news of at one time. */
const CAPACITY = 200_000;

const NEWS: ReadonlySet<number | undefined> = new Set([
  MESSAGE_TYPE.alive,
  MESSAGE_TYPE.suspect,
  MESSAGE_TYPE.dead,
]);

export class SharedDecoding {
  private readonly messages = new Map<string, Message | undefined>();
  private readonly parts = new Map<string, Uint8Array>();
  /** By their lengths. */
  private readonly lastParts = new Map<number, Uint8Array>();
  private readonly names = new Map<string, string>();
  private readonly records = new Map<string, LogRecord>();
  /** What push/pulls say of members. */
  readonly nodes = new KnownNodes(node => this.node(node));
  private readonly frames = new WeakMap<Uint8Array, Frame>();

  /** As {@link decodeMessage}: pings and acks are all different, news is the same for all. */
  readonly message = (bytes: Uint8Array): Message | undefined => {
    if (!NEWS.has(bytes[0])) return decodeMessage(bytes);
    const key = textOf(bytes);
    if (this.messages.has(key)) return this.messages.get(key);
    const message = decodeMessage(bytes);
    remember(this.messages, key, message);
    return message;
  };

  /** As {@link decodeFrame}. */
  readonly frame = (bytes: Uint8Array): Frame | undefined => {
    const known = this.frames.get(bytes);
    if (known !== undefined) return known;
    let frame = decodeFrame(bytes);
    if (frame?.type === 'delta') {
      const log = `${frame.origin}|${frame.vni}|${frame.epoch}|`;
      const origin = this.name(frame.origin);
      frame = { ...frame, origin, records: frame.records.map(record => this.record(log, record)) };
    }
    if (frame !== undefined) this.frames.set(bytes, frame);
    return frame;
  };

  private node(node: NodeState): NodeState {
    const { name, meta, version } = node;
    return { ...node, name: this.name(name), meta: this.part(meta), version: this.part(version) };
  }

  private name(name: string): string {
    return this.names.get(name) ?? remember(this.names, name, name);
  }

  private part(bytes: Uint8Array): Uint8Array {
    // Most nodes have the same version, and many the same metadata.
    const last = this.lastParts.get(bytes.length);
    if (last !== undefined && sameBytes(last, bytes)) return last;
    const key = textOf(bytes);
    const part = this.parts.get(key) ?? remember(this.parts, key, bytes);
    this.lastParts.set(bytes.length, part);
    return part;
  }

  /** Only what is equal: a record that was changed on its way has to be seen by who looks for it. */
  private record(log: string, record: LogRecord): LogRecord {
    const key = log + record.seq;
    const known = this.records.get(key);
    return known !== undefined && sameRecord(known, record) ? known : remember(this.records, key, record);
  }
}

function remember<T>(things: Map<string, T>, key: string, thing: T): T {
  if (things.size >= CAPACITY) things.clear();
  things.set(key, thing);
  return thing;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index]);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function sameRecord(a: LogRecord, b: LogRecord): boolean {
  return (
    a.kind === b.kind &&
    a.deleted === b.deleted &&
    Buffer.compare(a.key, b.key) === 0 &&
    Buffer.compare(a.body, b.body) === 0
  );
}
