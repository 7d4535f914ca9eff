/**
 * `stream-receive PORT`: takes one TCP connection, IPv4 or IPv6, reads it to its end and prints
 * `{bytes, sha256, seconds}` of what came.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { systemClock } from '../../../dataplane/clock.ts';
import { numberArgument, print } from './main.ts';

const hash = createHash('sha256');
let bytes = 0;

const server = createServer(socket => {
  const start = systemClock.now();
  server.close();
  socket.on('data', chunk => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  socket.on('end', () => {
    print({ bytes, sha256: hash.digest('hex'), seconds: (systemClock.now() - start) / 1000 });
  });
});
server.listen({ port: numberArgument(0, 'PORT'), host: '::' }, () => print('ready'));
