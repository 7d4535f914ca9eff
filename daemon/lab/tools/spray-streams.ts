/**
 * `spray-streams HOST PORT CONNECTIONS BYTES SEED`: opens TCP connections one after another, each with this many random
 * bytes, ended properly or reset in turn; prints `{connections}`. Four more stay open and silent until the end.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { xorshift } from '../hostile-datagrams.ts';
import { argument, numberArgument, print } from './main.ts';

const host = argument(0, 'HOST');
const port = numberArgument(1, 'PORT');
const connections = numberArgument(2, 'CONNECTIONS');
const bytes = numberArgument(3, 'BYTES');
const next = xorshift(numberArgument(4, 'SEED'));

async function open(): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  // From here on the daemon may reset the connection at any time: that is its right.
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

const silent = await Promise.all([open(), open(), open(), open()]);
for (let i = 0; i < connections; i++) {
  const socket = await open();
  // Not events.once: it would throw the error of a reset.
  const closed = new Promise(resolve => socket.on('close', resolve));
  const data = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) data.writeUInt8(next() & 0xff, at);
  await new Promise(resolve => socket.write(data, resolve));
  if (i % 2 === 0) socket.end();
  else socket.resetAndDestroy();
  await closed;
}
for (const socket of silent) socket.destroy();
print({ connections });
