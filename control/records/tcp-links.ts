/**
 * Links over TCP, on the port of gossip. A connection begins with five bytes that no memberlist agent would take for one
 * of its messages (it closes; and only peers whose tags say that they have a record log are called at all):
 *
 *   77 "log" 01  then frames, each way:  length u32 · frame, sealed
 *
 * The length is checked before anything is kept, so a peer can make us hold one frame and what the kernel does.
 */
import { connect, type Socket } from 'node:net';
import type { IpAddress } from '../../dataplane/address.ts';
import type { Clock, Timer } from '../../dataplane/clock.ts';
import { addressOf } from '../endpoint.ts';
import { FRAME_MAX_BYTES, MAX_LINKS_PER_ADDRESS, MAX_UNPROVEN_LINKS } from './limits.ts';
import type { Link, LinkHandler, LinkPort } from './link.ts';
import type { RecordPeer } from './peers.ts';

/** The first byte of a connection that carries a link. */
export const LINK_FIRST_BYTE = 0x77;

/** What a link is for: its purpose follows the first byte, as three letters. `doc`: questions of weft doctor. */
export type LinkPurpose = 'log' | 'doc';

function preambleOf(purpose: LinkPurpose): Uint8Array {
  return Buffer.from([LINK_FIRST_BYTE, ...Buffer.from(purpose), 1]);
}

/** What a connection that begins so is for. A preamble is one segment: what has come of less is a log's, which waits for the rest. */
export function purposeOf(head: Uint8Array): LinkPurpose {
  return Buffer.from(head).subarray(1, 4).toString('latin1') === 'doc' ? 'doc' : 'log';
}

/** Bytes that wait in userspace before the sender is asked to wait. */
const BUFFER_BYTES = 128 * 1024;

/** What sealing may add to a frame. */
const SEAL_MAX_BYTES = 64;

/** How frames are protected on the way; keyring-sealer.ts is one. */
export interface LinkSealer {
  seal(frame: Uint8Array): Uint8Array;
  /** Undefined if it was not sealed by a peer of ours: the link is closed. */
  open(sealed: Uint8Array): Uint8Array | undefined;
}

export const UNSEALED: LinkSealer = { seal: frame => frame, open: sealed => sealed };

export interface TcpLinksModules {
  readonly clock: Clock;
  readonly sealer: LinkSealer;
}

export interface TcpLinksOptions {
  /** Our own address: peers know us by it. */
  readonly from: IpAddress;
  /** How long it may take until a link is open, until a peer who has opened one has said anything that is true, and until one that we close is closed, in ms. */
  readonly connectTimeout: number;
  /** @default 'log' */
  readonly purpose?: LinkPurpose;
}

export class TcpLinks implements LinkPort {
  private readonly modules: TcpLinksModules;
  private readonly options: TcpLinksOptions;
  private readonly preamble: Uint8Array;
  private readonly links = new Set<TcpLink>();
  /** Address to the links that were opened from there. */
  private readonly accepted = new Map<string, number>();

  constructor(modules: TcpLinksModules, options: TcpLinksOptions) {
    this.modules = modules;
    this.options = options;
    this.preamble = preambleOf(options.purpose ?? 'log');
  }

  open(peer: Pick<RecordPeer, 'endpoint'>, handler: LinkHandler): Link {
    const { address, port } = peer.endpoint;
    const socket = connect({ host: address, port, localAddress: this.options.from, noDelay: true });
    socket.write(this.preamble);
    const link = this.link(socket);
    link.handler = handler;
    return link;
  }

  /**
   * Takes a connection that a peer has opened, with the bytes that have been read of it, which begin with
   * LINK_FIRST_BYTE; `accept` is called once there is a link, with the address it comes from. One too many, from its address or of those that have not
   * proved anything yet, is closed.
   */
  take(
    socket: Socket,
    head: Uint8Array,
    accept: (link: Link, from: IpAddress | undefined) => LinkHandler,
  ): void {
    const from = socket.remoteAddress ?? '';
    const count = this.accepted.get(from) ?? 0;
    if (count >= MAX_LINKS_PER_ADDRESS || this.countUnproven() >= MAX_UNPROVEN_LINKS) {
      socket.destroy();
      return;
    }
    this.accepted.set(from, count + 1);
    socket.once('close', () => this.forgetOneOf(from));
    const link = this.link(socket);
    link.isAccepted = true;
    link.onPreamble = () => {
      link.handler = accept(link, addressOf(from));
    };
    link.read(head);
  }

  /** Ends all links at once. */
  close(): void {
    for (const link of this.links) link.abort();
  }

  private countUnproven(): number {
    let count = 0;
    for (const { isOpen, isAccepted } of this.links) if (isAccepted && !isOpen) count += 1;
    return count;
  }

  private forgetOneOf(address: string): void {
    const count = this.accepted.get(address) ?? 0;
    if (count > 1) this.accepted.set(address, count - 1);
    else this.accepted.delete(address);
  }

  private link(socket: Socket): TcpLink {
    const { clock, sealer } = this.modules;
    const link = new TcpLink(socket, sealer, this.preamble, onTimeout =>
      clock.after(this.options.connectTimeout, onTimeout),
    );
    this.links.add(link);
    socket.once('close', () => this.links.delete(link));
    return link;
  }
}

class TcpLink implements Link {
  handler: LinkHandler | undefined;
  /** Set on a link that a peer has opened, until its preamble has come. */
  onPreamble: (() => void) | undefined;
  private readonly socket: Socket;
  private readonly sealer: LinkSealer;
  private readonly preamble: Uint8Array;
  /** Calls back when it has taken too long to open, or to close. */
  private readonly limit: (onTimeout: () => void) => Timer;
  private deadline: Timer;
  private failure: string | undefined;
  private pending: Uint8Array = new Uint8Array(0);
  isOpen = false;
  isAccepted = false;
  private isFull = false;
  private isClosing = false;

  constructor(socket: Socket, sealer: LinkSealer, preamble: Uint8Array, limit: TcpLink['limit']) {
    this.socket = socket;
    this.sealer = sealer;
    this.preamble = preamble;
    this.limit = limit;
    this.deadline = limit(() => socket.destroy());
    socket.on('connect', () => this.opened());
    socket.on('data', chunk => this.read(Buffer.from(chunk)));
    socket.on('drain', () => this.drained());
    socket.on('end', () => socket.end());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = error.code;
    });
    socket.on('close', () => {
      this.deadline.cancel();
      this.handler?.onClose(this.failure);
    });
  }

  send(frame: Uint8Array): boolean {
    const { socket } = this;
    if (!socket.writable) return true;
    const sealed = this.sealer.seal(frame);
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32BE(sealed.length);
    socket.cork();
    socket.write(head);
    socket.write(sealed);
    socket.uncork();
    this.isFull = socket.writableLength >= BUFFER_BYTES;
    return !this.isFull;
  }

  close(): void {
    if (this.isClosing || this.socket.destroyed) return;
    this.isClosing = true;
    this.socket.end();
    // Who does not close his side would keep one of our links for as long as he likes.
    this.deadline.cancel();
    this.deadline = this.limit(() => this.socket.destroy());
  }

  abort(): void {
    this.socket.destroy();
  }

  read(chunk: Uint8Array): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    if (this.onPreamble !== undefined && !this.readPreamble()) return;
    for (let frame = this.nextFrame(); frame !== undefined; frame = this.nextFrame()) {
      this.handler?.onFrame(frame);
    }
  }

  private readPreamble(): boolean {
    const { pending, preamble } = this;
    const count = Math.min(pending.length, preamble.length);
    if (Buffer.compare(pending.subarray(0, count), preamble.subarray(0, count)) !== 0) this.socket.destroy();
    if (pending.length < preamble.length || this.socket.destroyed) return false;
    this.pending = pending.subarray(preamble.length);
    this.onPreamble?.();
    this.onPreamble = undefined;
    return true;
  }

  private nextFrame(): Uint8Array | undefined {
    const { pending, socket } = this;
    if (pending.length < 4 || socket.destroyed) return undefined;
    const length = new DataView(pending.buffer, pending.byteOffset, 4).getUint32(0);
    if (length < 1 || length > FRAME_MAX_BYTES + SEAL_MAX_BYTES) {
      socket.destroy();
      return undefined;
    }
    if (pending.length < 4 + length) return undefined;
    this.pending = pending.subarray(4 + length);
    const frame = this.sealer.open(new Uint8Array(pending.subarray(4, 4 + length)));
    if (frame === undefined || frame.length > FRAME_MAX_BYTES) {
      socket.destroy();
      return undefined;
    }
    // Until then it may be anybody, who holds one of our connections for nothing.
    this.opened();
    return frame;
  }

  private opened(): void {
    this.isOpen = true;
    if (!this.isClosing) this.deadline.cancel();
  }

  private drained(): void {
    if (!this.isFull) return;
    this.isFull = false;
    this.handler?.onWritable();
  }
}
