/** `who-serve PORT NAME`: tells each client, over TCP and UDP, IPv4 and IPv6, who answers it and from which address it came: `{name, from}`. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { argument, numberArgument, print } from './main.ts';

const port = numberArgument(0, 'PORT');
const name = argument(1, 'NAME');

function answerTo(address: string | undefined): string {
  return JSON.stringify({ name, from: address?.replace(/^::ffff:/, '') });
}

const server = createServer(socket => {
  // A client that was killed by its test is no fault of ours.
  socket.on('error', () => {});
  socket.end(answerTo(socket.remoteAddress));
});
for (const type of ['udp4', 'udp6'] as const) {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (_, from) => socket.send(answerTo(from.address), from.port, from.address));
  socket.bind(port);
  await once(socket, 'listening');
}
server.listen({ port, host: '::' }, () => print('ready'));
