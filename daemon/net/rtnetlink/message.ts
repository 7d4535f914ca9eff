/**
 * Bytes of a netlink message: a header, a fixed part that each type has, and attributes, each of which may hold others
 * (linux/netlink.h, Documentation/userspace-api/netlink/intro.rst). All numbers are in the order of the host: little endian,
 * as on every machine that weft runs on. Addresses are in network order.
 */
import type { NetMessage, NetPatch } from '../../../dataplane/net-change.ts';

// linux/netlink.h: struct nlmsghdr { len, type, flags, seq, pid }; the addon numbers the messages.
const HEADER_SIZE = 16;
const TYPE = 4;
const FLAGS = 6;
const NLM_F_REQUEST = 0x01;
const NLM_F_ACK = 0x04;
/** Fails if there is one already, and makes it if there is none. */
export const NEW = 0x200 | 0x400; // NLM_F_EXCL, NLM_F_CREATE

// linux/netlink.h: struct nlattr { len, type }, NLA_ALIGNTO.
const ATTRIBUTE_SIZE = 4;
const ALIGNMENT = 4;

// bits/socket.h: address families.
export const AF_INET = 2;
export const AF_INET6 = 10;

/** More than any message of ours has. A longer one throws RangeError. */
const CAPACITY = 512;

export class MessageWriter {
  private readonly bytes = Buffer.alloc(CAPACITY);
  private readonly patches: NetPatch[] = [];
  private size = HEADER_SIZE;

  constructor(type: number, flags = 0) {
    this.bytes.writeUInt16LE(type, TYPE);
    this.bytes.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK | flags, FLAGS);
  }

  u8(value: number): this {
    this.size = this.bytes.writeUInt8(value, this.size);
    return this;
  }

  u32(value: number): this {
    this.size = this.bytes.writeUInt32LE(value, this.size);
    return this;
  }

  zeros(count: number): this {
    this.size += count;
    return this;
  }

  /** 32 bits for the number of the link that has the name when the message is sent. */
  ifindex(name: string): this {
    return this.patched('ifindex', name);
  }

  attribute(type: number, write: (message: this) => void): this {
    const start = this.size;
    this.size += ATTRIBUTE_SIZE;
    write(this);
    this.bytes.writeUInt16LE(this.size - start, start);
    this.bytes.writeUInt16LE(type, start + 2);
    this.size = aligned(this.size);
    return this;
  }

  bytesAttribute(type: number, value: Uint8Array): this {
    return this.attribute(type, () => {
      this.bytes.set(value, this.size);
      this.size += value.length;
    });
  }

  /** Ends in a zero, as the kernel's own. */
  textAttribute(type: number, text: string): this {
    return this.bytesAttribute(type, Buffer.from(`${text}\0`, 'utf8'));
  }

  u32Attribute(type: number, value: number): this {
    return this.attribute(type, () => this.u32(value));
  }

  ifindexAttribute(type: number, name: string): this {
    return this.attribute(type, () => this.ifindex(name));
  }

  /** A descriptor of the namespace. */
  netnsAttribute(type: number, path: string): this {
    return this.attribute(type, () => this.patched('netns', path));
  }

  finish(): NetMessage {
    this.bytes.writeUInt32LE(this.size, 0);
    return { message: this.bytes.subarray(0, this.size), patches: this.patches };
  }

  private patched(kind: NetPatch['kind'], of: string): this {
    this.patches.push({ kind, offset: this.size, of });
    return this.zeros(4);
  }
}

/** The messages of an answer: type, and what follows the header. */
export function* readMessages(answer: Buffer): Generator<{ type: number; body: Buffer }> {
  for (let at = 0; at + HEADER_SIZE <= answer.length; ) {
    const end = at + answer.readUInt32LE(at);
    if (end < at + HEADER_SIZE) return;
    yield { type: answer.readUInt16LE(at + TYPE), body: answer.subarray(at + HEADER_SIZE, end) };
    at = aligned(end);
  }
}

/** NLA_TYPE_MASK of linux/netlink.h: the bits above it say what is in the attribute. */
const TYPE_MASK = 0x3fff;

/** The attributes in these bytes, by type. */
export function readAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + ATTRIBUTE_SIZE <= bytes.length; ) {
    const end = at + bytes.readUInt16LE(at);
    if (end < at + ATTRIBUTE_SIZE) break;
    attributes.set(bytes.readUInt16LE(at + 2) & TYPE_MASK, bytes.subarray(at + ATTRIBUTE_SIZE, end));
    at = aligned(end);
  }
  return attributes;
}

/** Text up to its zero. */
export function textOf(attribute: Buffer | undefined): string | undefined {
  return attribute?.toString('utf8').split('\0', 1)[0];
}

function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}
