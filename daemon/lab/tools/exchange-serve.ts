/**
 * `exchange-serve PORT`: over TCP takes a line with a number of bytes and those bytes, answers with their SHA-256 (32
 * bytes) and as many bytes of the fixed stream; over UDP sends each datagram back. IPv4 and IPv6, for any number of clients.
 */
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { streamContent } from '../stream-content.ts';
import { numberArgument, print } from './main.ts';

const port = numberArgument(0, 'PORT');

async function answer(socket: Socket): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  // The other half of the connection is needed when this one has ended.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  socket.write(hash.digest());
  for (const [counter, block] of streamContent(bytes)) {
    socket.write(counter);
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.end();
}

const server = createServer({ allowHalfOpen: true }, socket => {
  // A client that was killed by its test is no fault of ours.
  answer(socket).catch(() => socket.destroy());
});
for (const type of ['udp4', 'udp6'] as const) {
  const socket = createSocket({ type, ipv6Only: type === 'udp6', recvBufferSize: 1024 * 1024 });
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  socket.bind(port);
  await once(socket, 'listening');
}
server.listen({ port, host: '::' }, () => print('ready'));
