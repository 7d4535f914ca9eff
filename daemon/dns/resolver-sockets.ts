/**
 * The two sockets at which a container asks: UDP and TCP, on the loopback of its own namespace. What it sends is bounded here: queries a
 * second, connections, bytes.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { IpAddress } from '../../dataplane/address.ts';
import { closeServiceSocket, openServiceSockets } from '../../dataplane/service-socket.ts';
import { changeLinkSteps } from '../net/link-steps.ts';
import { DNS_PORT } from './dns-config.ts';
import { DnsStream } from './dns-stream.ts';
import type { Transport } from './exchange.ts';
import { QUERY_MAX_BYTES } from './query.ts';

/** TCP connections of one container: it needs one for an answer that is too long for UDP. */
const MAX_CONNECTIONS = 16;

/** RFC 7766 section 6.2.3: seconds, where a server has few connections to give. */
const IDLE_MS = 10_000;

/** Answers that wait for a container to read them, in bytes, on one connection. */
const MAX_UNREAD = 256 * 1024;

export interface ResolverSocketsHandlers {
  /** A query; resolves with the answer, if there is to be one. Never rejects. */
  onQuery(query: Buffer, via: Transport): Promise<Buffer | undefined>;
  /** A connection was refused, or ended for what it did. */
  onRefused(): void;
  /** The sockets are of no use any more: somebody in there has destroyed them. Nothing follows. */
  onLost(error: Error): void;
}

export interface ResolverSockets {
  close(): void;
}

/**
 * Sets the loopback of the namespace up, for a socket on it to be reached, and opens both. Throws what
 * {@link openServiceSockets} throws.
 */
export async function openResolverSockets(
  netnsPath: string,
  listen: IpAddress,
  handlers: ResolverSocketsHandlers,
): Promise<ResolverSockets> {
  await changeLinkSteps([{ netns: netnsPath, changes: [{ kind: 'set', dev: 'lo', up: true }] }]);
  const fds = openServiceSockets(netnsPath, listen, DNS_PORT);
  const connections = new Set<Socket>();
  let isOpen = true;
  const lost = (error: Error) => {
    if (!isOpen) return;
    close();
    handlers.onLost(error);
  };
  const server = serveStreams(connections, handlers);
  const datagrams = serveDatagrams(handlers);
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    for (const connection of connections) connection.destroy();
    server.close();
    datagrams.close();
  };
  await adopt(server, datagrams, fds);
  datagrams.on('error', lost);
  server.on('error', lost);
  return { close };
}

/** Hands the descriptors over; those that nobody took are closed. */
async function adopt(
  server: Server,
  datagrams: DatagramSocket,
  fds: { readonly udp: number; readonly tcp: number },
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      datagrams.once('error', reject);
      datagrams.bind({ fd: fds.udp, exclusive: true }, () => resolve());
    });
  } catch (error) {
    for (const fd of [fds.udp, fds.tcp]) closeServiceSocket(fd);
    throw error;
  }
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ fd: fds.tcp, exclusive: true }, () => resolve());
    });
  } catch (error) {
    datagrams.close();
    closeServiceSocket(fds.tcp);
    throw error;
  }
}

function serveDatagrams({ onQuery }: ResolverSocketsHandlers): DatagramSocket {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    void onQuery(query, 'udp').then(answer => {
      if (answer === undefined) return;
      try {
        // That it cannot be sent is as if it was lost on the way.
        socket.send(answer, from.port, from.address, () => {});
      } catch {
        // Closed meanwhile.
      }
    });
  });
  return socket;
}

function serveStreams(connections: Set<Socket>, handlers: ResolverSocketsHandlers): Server {
  const server = createServer({ allowHalfOpen: true }, socket => {
    connections.add(socket);
    serveStream(socket, handlers);
    socket.on('close', () => connections.delete(socket));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', () => handlers.onRefused());
  return server;
}

function serveStream(socket: Socket, { onQuery, onRefused }: ResolverSocketsHandlers): void {
  const stream = new DnsStream(socket, { maxMessageBytes: QUERY_MAX_BYTES });
  let waiting = 0;
  let hasEnded = false;
  const endIfDone = () => {
    if (hasEnded && waiting === 0) socket.end();
  };
  // A reset is as good an end as any.
  socket.on('error', () => {});
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('end', () => {
    hasEnded = true;
    endIfDone();
  });
  stream.onMessage = query => {
    waiting += 1;
    void onQuery(query, 'tcp').then(answer => {
      waiting -= 1;
      if (socket.destroyed) return;
      if (answer === undefined || socket.writableLength > MAX_UNREAD) {
        if (answer !== undefined) onRefused();
        socket.destroy();
        return;
      }
      stream.send(answer);
      endIfDone();
    });
  };
}
