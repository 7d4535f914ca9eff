/** Serves streams: one request, one answer each, bounded in number, bytes and time. */
import { createServer, type Server, type Socket } from 'node:net';
import { type IpAddress, ipFamily } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import { MAX_STREAMS, MAX_STREAMS_PER_ADDRESS } from './constants.ts';
import type { Counters } from './counters.ts';
import { addressOf, type Endpoint } from './endpoint.ts';
import { LINK_FIRST_BYTE } from './records/tcp-links.ts';
import { type StreamMessage, StreamReader } from './stream.ts';
import { type StreamOpener, StreamRefused } from './stream-seal.ts';
import type { Wire } from './wire.ts';

/** What all open streams together may have sent, in bytes; beyond it the one that asks for more is closed. */
const TOTAL_MAX_BYTES = 64 * 1024 * 1024;

/** What the streams of one address may have sent of it: one whole stream, and a second one that is not of that size. */
const ADDRESS_MAX_BYTES = 24 * 1024 * 1024;

export interface StreamHandler {
  /** The answer, or undefined to close without one. */
  answerStream(from: IpAddress, message: StreamMessage): Uint8Array | undefined;
  /** Takes over a connection that begins with LINK_FIRST_BYTE, with what has been read of it. Without it there are none. */
  takeLink?(socket: Socket, head: Uint8Array): void;
}

interface Stream {
  readonly from: IpAddress;
  readonly opener: StreamOpener;
  readonly reader: StreamReader;
  /** Bytes. */
  received: number;
}

export class StreamServer {
  private readonly modules: { readonly clock: Clock; readonly counters: Counters; readonly wire: Wire };
  private readonly options: { readonly endpoint: Endpoint; readonly streamTimeout: number };
  private readonly handler: StreamHandler;
  private readonly server: Server;
  private readonly streams = new Map<Socket, Stream>();

  constructor(modules: StreamServer['modules'], options: StreamServer['options'], handler: StreamHandler) {
    this.modules = modules;
    this.options = options;
    this.handler = handler;
    // Half-open: a client that has sent all may close its side and still read the answer.
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, socket => this.accept(socket));
  }

  /** Binds and returns the port. Throws the system's error. */
  open(): Promise<number> {
    const { address, port } = this.options.endpoint;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host: address, port, exclusive: true, ipv6Only: ipFamily(address) === 6 }, () => {
        this.server.removeAllListeners('error');
        this.server.on('error', () => this.modules.counters.countDrop('streamFailed'));
        const bound = this.server.address();
        resolve(bound === null || typeof bound === 'string' ? port : bound.port);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.streams.keys()) socket.destroy();
    return new Promise(resolve => {
      this.server.close(() => resolve());
    });
  }

  private accept(socket: Socket): void {
    const { clock, counters, wire } = this.modules;
    const from = addressOf(socket.remoteAddress);
    socket.on('error', () => counters.countDrop('streamFailed'));
    if (
      from === undefined ||
      this.streams.size >= MAX_STREAMS ||
      this.countOf(from) >= MAX_STREAMS_PER_ADDRESS
    ) {
      counters.countDrop('streamLimit');
      socket.destroy();
      return;
    }
    const stream: Stream = { from, opener: wire.streamOpener(), reader: new StreamReader(), received: 0 };
    this.streams.set(socket, stream);
    // One deadline for all of it: a peer that sends a byte now and then gains nothing.
    const deadline = clock.after(this.options.streamTimeout, () => {
      counters.countDrop('streamTimeout');
      socket.destroy();
    });
    let isAnswered = false;
    const onEnd = (): void => {
      if (!isAnswered) counters.countDrop('streamMalformed');
      socket.end();
    };
    const onClose = (): void => {
      deadline.cancel();
      this.streams.delete(socket);
    };
    const onData = (chunk: Uint8Array): void => {
      if (stream.received === 0 && chunk[0] === LINK_FIRST_BYTE && this.handler.takeLink !== undefined) {
        // From now on it is no stream of ours: neither its deadline nor its limits are for a link.
        socket.off('data', onData).off('end', onEnd).off('close', onClose);
        onClose();
        this.handler.takeLink(socket, Buffer.from(chunk));
      } else if (!isAnswered) isAnswered = this.take(socket, stream, Buffer.from(chunk));
    };
    socket.on('data', onData).on('end', onEnd).on('close', onClose);
  }

  /** Returns whether the stream is done with: answered or given up. */
  private take(socket: Socket, stream: Stream, chunk: Uint8Array): boolean {
    const { counters } = this.modules;
    stream.received += chunk.length;
    try {
      const message = readFrom(stream, chunk);
      if (message !== undefined) this.answer(socket, stream.from, message);
      if (message !== undefined || this.mayGoOn(stream.from)) return message !== undefined;
      counters.countDrop('streamTooLarge');
    } catch (error) {
      if (!(error instanceof WeftError)) throw error;
      counters.countDrop(error instanceof StreamRefused ? error.reason : 'streamMalformed');
    }
    socket.destroy();
    return true;
  }

  private answer(socket: Socket, from: IpAddress, message: StreamMessage): void {
    const answer = this.handler.answerStream(from, message);
    if (answer === undefined) socket.destroy();
    else socket.end(this.modules.wire.wrapStream(answer));
  }

  private countOf(address: IpAddress): number {
    let count = 0;
    for (const { from } of this.streams.values()) if (from === address) count += 1;
    return count;
  }

  private mayGoOn(address: IpAddress): boolean {
    let total = 0;
    let ofAddress = 0;
    for (const { from, received } of this.streams.values()) {
      total += received;
      if (from === address) ofAddress += received;
    }
    return total <= TOTAL_MAX_BYTES && ofAddress <= ADDRESS_MAX_BYTES;
  }
}

function readFrom({ opener, reader }: Stream, chunk: Uint8Array): StreamMessage | undefined {
  for (const plain of opener.push(chunk)) {
    const message = reader.push(plain);
    if (message !== undefined) return message;
  }
  return undefined;
}
