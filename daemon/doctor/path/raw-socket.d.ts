/** What weft uses of raw-socket, which brings no types (its README). */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events';

  export interface Socket extends EventEmitter {
    /** `after` is called with an Error whose message is strerror(3). */
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      after: (error: Error | null, bytes: number) => void,
    ): this;
    on(event: 'message', listener: (buffer: Buffer, source: string) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    close(): this;
  }

  export const AddressFamily: { readonly IPv4: number; readonly IPv6: number };

  /** Throws an Error whose message is strerror(3). `protocol`: a number of IANA's. */
  export function createSocket(options: {
    readonly addressFamily: number;
    readonly protocol: number;
    readonly bufferSize?: number;
  }): Socket;
}
