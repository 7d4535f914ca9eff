/** Messages on a TCP connection, each with two bytes of length in front (RFC 1035 section 4.2.2). */
import type { Socket } from 'node:net';

const LENGTH_BYTES = 2;

export class DnsStream {
  onMessage: (message: Buffer) => void = () => {};
  private readonly socket: Socket;
  private readonly maxMessageBytes: number;
  private buffer: Buffer = Buffer.alloc(0);

  /** Destroys the socket at a message that is longer than `maxMessageBytes`. */
  constructor(socket: Socket, options: { readonly maxMessageBytes: number }) {
    this.socket = socket;
    this.maxMessageBytes = options.maxMessageBytes;
    socket.on('data', chunk => this.take(chunk));
  }

  send(message: Buffer): void {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt16BE(message.length);
    this.socket.write(Buffer.concat([length, message]));
  }

  private take(chunk: Buffer): void {
    this.buffer = this.buffer.length === 0 ? chunk : Buffer.concat([this.buffer, chunk]);
    while (this.buffer.length >= LENGTH_BYTES && !this.socket.destroyed) {
      const length = this.buffer.readUInt16BE(0);
      if (length > this.maxMessageBytes) {
        this.socket.destroy();
        return;
      }
      const end = LENGTH_BYTES + length;
      if (this.buffer.length < end) return;
      const message = this.buffer.subarray(LENGTH_BYTES, end);
      this.buffer = this.buffer.subarray(end);
      this.onMessage(message);
    }
  }
}
