/** The control plane's port on real sockets: UDP and TCP, both bound to one address and port of the underlay. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { type IpAddress, ipFamily, parseIp } from '../dataplane/address.ts';
import type { Clock } from '../dataplane/clock.ts';
import { WeftError } from '../dataplane/errors.ts';
import type { Counters } from './counters.ts';
import { type Endpoint, formatEndpoint } from './endpoint.ts';
import type { GossipPort, StreamOutcome } from './port.ts';
import { exchangeOverTcp } from './stream-client.ts';
import { type StreamHandler, StreamServer } from './stream-server.ts';
import type { Wire, WrapOptions } from './wire.ts';

/** Receive buffer asked for, in bytes: a burst of gossip must not push out the acks (memberlist `udpRecvBufSize`). */
const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;

/** With port 0, how often the pair of ports is drawn anew because UDP's was taken. */
const EPHEMERAL_TRIES = 8;

export interface TransportHandler extends StreamHandler {
  receivePacket(from: Endpoint, bytes: Uint8Array): void;
}

export interface TransportModules {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly wire: Wire;
}

export interface TransportOptions {
  /** Port 0 takes any that is free for both UDP and TCP. */
  readonly endpoint: Endpoint;
  /** Milliseconds. */
  readonly streamTimeout: number;
}

export class SocketTransport implements GossipPort {
  private readonly modules: TransportModules;
  private readonly options: TransportOptions;
  private readonly handler: TransportHandler;
  private readonly family: 4 | 6;
  private server: StreamServer | undefined;
  private socket: Socket | undefined;
  private readonly abort = new AbortController();
  private exchanges = 0;

  constructor(modules: TransportModules, options: TransportOptions, handler: TransportHandler) {
    this.modules = modules;
    this.options = options;
    this.handler = handler;
    this.family = ipFamily(options.endpoint.address);
  }

  /**
   * Binds both sockets, or none. Returns where peers reach us. Throws `conflict` if the port is taken, `unavailable`
   * if the address is not this machine's, `not_permitted` for a port below 1024 without the right to it.
   */
  async open(): Promise<Endpoint> {
    for (let triesLeft = EPHEMERAL_TRIES; ; triesLeft--) {
      const server = new StreamServer(this.modules, this.options, this.handler);
      const port = await server.open().catch(error => {
        throw this.bindError('TCP', error);
      });
      try {
        this.socket = await this.bindDatagrams(port);
        this.server = server;
        return { address: this.options.endpoint.address, port };
      } catch (error) {
        await server.close();
        const failure = this.bindError('UDP', error);
        if (this.options.endpoint.port !== 0 || failure.code !== 'conflict' || triesLeft === 0) throw failure;
      }
    }
  }

  /** Closes everything; exchanges under way never report. */
  async close(): Promise<void> {
    this.abort.abort();
    const { socket } = this;
    this.socket = undefined;
    await Promise.all([
      this.server?.close(),
      socket === undefined ? undefined : new Promise<void>(resolve => socket.close(() => resolve())),
    ]);
  }

  sendPacket(to: Endpoint, bytes: Uint8Array, options: WrapOptions): void {
    this.socket?.send(this.modules.wire.wrapPacket(bytes, options), to.port, to.address, error => {
      if (error !== null) this.modules.counters.countDrop('sendFailed');
    });
  }

  exchange(to: Endpoint, request: Uint8Array, done: (outcome: StreamOutcome) => void): void {
    const { clock, counters, wire } = this.modules;
    const { endpoint, streamTimeout } = this.options;
    this.exchanges += 1;
    exchangeOverTcp(
      { clock, counters, wire },
      {
        from: endpoint.address,
        to,
        request,
        timeout: streamTimeout,
        signal: this.abort.signal,
        others: this.exchanges - 1,
      },
      outcome => {
        this.exchanges -= 1;
        if (!this.abort.signal.aborted) done(outcome);
      },
    );
  }

  resolve(host: string, done: (addresses: readonly IpAddress[]) => void): void {
    lookup(host, { all: true, family: this.family }, (error, found) => {
      if (this.abort.signal.aborted) return;
      done(error === null ? found.flatMap(({ address }) => canonical(address) ?? []) : []);
    });
  }

  private bindDatagrams(port: number): Promise<Socket> {
    const { address } = this.options.endpoint;
    const socket = createSocket({
      type: this.family === 6 ? 'udp6' : 'udp4',
      ipv6Only: this.family === 6,
      recvBufferSize: RECEIVE_BUFFER_BYTES,
      // Peers are addresses already: no look-up on each datagram.
      lookup: (host, _options, found) => found(null, host, this.family),
    });
    socket.on('message', (bytes, from) => this.onDatagram(bytes, from));
    return new Promise((resolve, reject) => {
      socket.once('error', error => {
        socket.close();
        reject(error);
      });
      socket.bind({ address, port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        socket.on('error', () => this.modules.counters.countDrop('sendFailed'));
        resolve(socket);
      });
    });
  }

  private onDatagram(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const { counters, wire } = this.modules;
    const from = canonical(address);
    // A link-local sender has a zone, which no member's address can express.
    const opened = from === undefined ? 'badAddress' : wire.unwrapPacket(bytes);
    if (from !== undefined && typeof opened !== 'string') {
      this.handler.receivePacket({ address: from, port }, opened);
    } else {
      counters.countDatagramReceived();
      if (typeof opened === 'string') counters.countDrop(opened);
    }
  }

  private bindError(protocol: 'UDP' | 'TCP', cause: unknown): WeftError {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const where = `gossip cannot bind ${protocol} ${formatEndpoint(this.options.endpoint)}`;
    switch (code) {
      case 'EADDRINUSE':
        return new WeftError('conflict', `${where}: the port is in use`, {
          hint: 'stop the other process or set gossip.port to another port on every node',
          cause,
        });
      case 'EADDRNOTAVAIL':
        return new WeftError('unavailable', `${where}: this machine does not have that address`, {
          hint: 'set node.underlay to an address of this machine',
          cause,
        });
      case 'EACCES':
        return new WeftError('not_permitted', `${where}: permission denied`, {
          hint: 'set gossip.port to 1024 or above, or run with CAP_NET_BIND_SERVICE',
          cause,
        });
      default:
        return new WeftError(
          'system',
          `${where}: ${cause instanceof Error ? cause.message : String(cause)}`,
          { cause },
        );
    }
  }
}

function canonical(address: string): IpAddress | undefined {
  try {
    return parseIp(address);
  } catch {
    return undefined;
  }
}
